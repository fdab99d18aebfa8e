/**
 * One small lawful tree, and one violation a rule. The tree has the layout of this repository:
 * packages see one another through `exports` into dist, npm packages stand in node_modules.
 */

const packageJson = (name, dependencies = {}, devDependencies = {}) =>
  JSON.stringify({
    name: `@openledger/${name}`,
    type: 'module',
    exports: { '.': './dist/src/index.js', './kafka': './dist/src/kafka/kafka-event-log.js' },
    dependencies,
    devDependencies,
  });

const any = (...names) => Object.fromEntries(names.map((name) => [name, '1.0.0']));
const scoped = (...names) => any(...names.map((name) => `@openledger/${name}`));

export const LIBRARIES = [
  'kernel',
  'contracts',
  'config',
  'blob-store',
  'persistence',
  'event-log',
  'auth',
  'service-host',
  'onnx-graph',
  'transformer',
  'adapters',
  'onchain',
  'worker-thread',
  'testing',
];
export const SERVICES = ['accounts', 'ingestion', 'settlement', 'all-in-one'];
export const NPM_PACKAGES = [
  '@nestjs/common',
  'ethers',
  'fast-check',
  'kafkajs',
  'onnxruntime-node',
  'pg',
  'pino',
  'typeorm',
];

const everything = {
  ...scoped(...LIBRARIES, ...SERVICES),
  ...any(...NPM_PACKAGES.filter((name) => name !== 'fast-check')),
};

/** Files of the lawful tree: path → text. */
export function lawfulTree() {
  const files = { 'package.json': '{ "type": "module", "workspaces": ["libs/*", "services/*"] }' };
  for (const folder of [...LIBRARIES.map((n) => `libs/${n}`), ...SERVICES.map((n) => `services/${n}`)]) {
    const name = folder.split('/')[1];
    files[`${folder}/package.json`] = packageJson(name, everything, any('fast-check'));
    files[`${folder}/src/index.ts`] = `export const ${name.replaceAll('-', '_')} = 1;\n`;
    files[`${folder}/dist/src/index.js`] = files[`${folder}/src/index.ts`];
  }
  files['libs/event-log/src/kafka/kafka-event-log.ts'] = "import 'kafkajs';\nexport const log = 1;\n";
  files['libs/event-log/dist/src/kafka/kafka-event-log.js'] = 'export const log = 1;\n';
  const service = 'services/ingestion/src';
  files[`${service}/domain/record.ts`] = "import '@openledger/kernel';\nexport const record = 1;\n";
  files[`${service}/domain/record.spec.ts`] =
    "import 'fast-check';\nimport './record.js';\nimport '@openledger/testing';\n";
  files[`${service}/application/add-record.ts`] =
    "import '@nestjs/common';\nimport '@openledger/contracts';\nimport '../domain/record.js';\nexport const add = 1;\n";
  files[`${service}/inbound/records.rest.ts`] =
    "import '@nestjs/common';\nimport '@openledger/service-host';\nimport '../application/add-record.js';\nexport const rest = 1;\n";
  files[`${service}/outbound/records.postgres.ts`] =
    "import 'typeorm';\nimport '@openledger/persistence';\nimport '../application/add-record.js';\nexport const store = 1;\n";
  files[`${service}/ingestion.module.ts`] =
    "import './inbound/records.rest.js';\nimport './outbound/records.postgres.js';\nimport '@openledger/event-log/kafka';\nexport const module = 1;\n";
  files['services/all-in-one/src/host.ts'] = "import '@openledger/ingestion';\nexport const host = 1;\n";
  return files;
}

const ingestion = (path) => `services/ingestion/src/${path}`;

/** Rule → the file that breaks it. */
export const PLANTED = {
  'no-cycles': {
    'libs/kernel/src/a.ts': "import './b.js';\nexport const a = 1;\n",
    'libs/kernel/src/b.ts': "import './a.js';\nexport const b = 1;\n",
  },
  resolvable: { 'libs/config/src/a.ts': "import '@openledger/kernel/dist/src/index.js';\n" },
  'declared-packages': {
    'libs/blob-store/package.json': packageJson('blob-store'),
    'libs/blob-store/src/a.ts': "import 'fast-check';\n",
  },
  'no-relative-import-across-packages': {
    'libs/config/src/a.ts': "import '../../kernel/src/index.js';\n",
  },
  'libraries-never-import-services': { 'libs/service-host/src/a.ts': "import '@openledger/ingestion';\n" },
  'testing-only-in-tests': { [ingestion('inbound/a.ts')]: "import '@openledger/testing';\n" },
  'no-development-package-in-production': { [ingestion('inbound/a.ts')]: "import 'fast-check';\n" },
  'not-to-specs': { [ingestion('domain/a.ts')]: "import './record.spec.js';\n" },
  'event-log-adapters-only-in-composition': {
    [ingestion('outbound/a.ts')]: "import '@openledger/event-log/kafka';\n",
  },
  'library-layers-kernel': { 'libs/kernel/src/a.ts': "import '@openledger/config';\n" },
  'library-layers-contracts': { 'libs/contracts/src/a.ts': "import '@openledger/persistence';\n" },
  'library-layers-config': { 'libs/config/src/a.ts': "import '@openledger/service-host';\n" },
  'library-layers-blob-store': { 'libs/blob-store/src/a.ts': "import '@openledger/persistence';\n" },
  'library-layers-persistence': { 'libs/persistence/src/a.ts': "import '@openledger/event-log';\n" },
  'library-layers-event-log': { 'libs/event-log/src/a.ts': "import '@openledger/service-host';\n" },
  'library-layers-auth': { 'libs/auth/src/a.ts': "import type {} from '@openledger/service-host';\n" },
  'library-layers-service-host': { 'libs/service-host/src/a.ts': "import '@openledger/transformer';\n" },
  'library-layers-onnx-graph': { 'libs/onnx-graph/src/a.ts': "import '@openledger/transformer';\n" },
  'library-layers-transformer': { 'libs/transformer/src/a.ts': "import '@openledger/adapters';\n" },
  'library-layers-adapters': { 'libs/adapters/src/a.ts': "import '@openledger/blob-store';\n" },
  'library-layers-onchain': { 'libs/onchain/src/a.ts': "import '@openledger/persistence';\n" },
  'library-layers-worker-thread': { 'libs/worker-thread/src/a.ts': "import '@openledger/transformer';\n" },
  'services-never-import-services': { [ingestion('a.ts')]: "import '@openledger/settlement';\n" },
  'domain-is-pure': { [ingestion('domain/a.ts')]: "import 'node:fs';\n" },
  'application-knows-no-technology': {
    [ingestion('application/a.ts')]: "import '@openledger/persistence';\n",
  },
  'inbound-not-to-outbound': { [ingestion('inbound/a.ts')]: "import '../outbound/records.postgres.js';\n" },
  'outbound-not-to-inbound': { [ingestion('outbound/a.ts')]: "import '../inbound/records.rest.js';\n" },
  'layers-not-to-composition': { [ingestion('inbound/a.ts')]: "import '../index.js';\n" },
  'unit-specs-import-no-nest': { [ingestion('inbound/a.spec.ts')]: "import '@nestjs/common';\n" },
  'kafkajs-only-in-its-adapter': { 'libs/event-log/src/a.ts': "import type {} from 'kafkajs';\n" },
  'onnxruntime-only-in-transformer': { 'libs/adapters/src/a.ts': "import 'onnxruntime-node';\n" },
  'threads-end-by-themselves': { [ingestion('outbound/a.ts')]: "import 'node:worker_threads';\n" },
  'ethers-only-where-wallets-are': { 'libs/auth/src/a.ts': "import 'ethers';\n" },
  'sql-only-in-stores': { [ingestion('inbound/a.ts')]: "import 'pg';\n" },
  'nest-only-in-hosts': { 'libs/persistence/src/a.ts': "import '@nestjs/common';\n" },
  'telemetry-only-in-the-host': { [ingestion('outbound/a.ts')]: "import 'pino';\n" },
};
