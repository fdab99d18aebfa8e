import { readFile, writeFile } from 'node:fs/promises';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { loadConfig } from '@openledger/config';
import { DomainError } from '@openledger/kernel';
import { JsonRpcProvider, Wallet } from 'ethers';
import { z } from 'zod';
import { everythingTo } from './allocation.js';
import { developmentWallet, LOCAL_CHAIN_ID } from './anvil.js';
import { deploySuite } from './deploy.js';
import { creations } from './deploy-steps.js';
import { checkDeployment } from './deployment-check.js';
import { costOf, requireFunds } from './deployment-cost.js';
import { type DeploymentPlan, localPlan } from './deployment-plan.js';
import { productionPlan } from './production-plan.js';
import { connect } from './provider.js';

const USAGE = `Deploys the contracts of OpenLedger, or finishes a deployment that was interrupted.

  npm run deploy -w @openledger/onchain -- --rpc URL --profile local|production [options]

  --rpc URL          the chain's JSON-RPC endpoint
  --profile NAME     local: everything to the operator, nothing vests; production: as --settings says
  --settings FILE    JSON: genesis, keys, offices, beneficiaries (production only; see docs/governance.md)
  --out FILE         where the addresses are written as JSON
  --dry-run          says what would be done and what it would cost; sends nothing

The key comes from DEPLOYER_KEY or the file that DEPLOYER_KEY_FILE names: of an account that has sent nothing yet,
as addresses follow from its nonces. The local profile takes a public development key instead.`;

const Keys = z.object({
  DEPLOYER_KEY: z
    .string()
    .regex(/^0x[0-9a-fA-F]{64}$/, 'a private key: 0x and 64 hexadecimal digits')
    .optional(),
});

interface Options {
  readonly rpc: string;
  readonly profile: 'local' | 'production';
  readonly settings: string | undefined;
  readonly out: string | undefined;
  readonly dryRun: boolean;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) return console.log(USAGE);
  const chainId = await chainIdOf(options.rpc);
  if (options.profile === 'local' && chainId !== LOCAL_CHAIN_ID) {
    throw new DomainError(
      'precondition',
      'NOT_A_LOCAL_CHAIN',
      `profile local is for chain ${LOCAL_CHAIN_ID}: its keys are public; this is ${chainId}`,
    );
  }
  const provider = connect(options.rpc, chainId);
  try {
    await run(options, deployerOf(options).connect(provider), provider);
  } finally {
    provider.destroy();
  }
}

async function run(options: Options, deployer: Wallet, provider: JsonRpcProvider): Promise<void> {
  const from = deployer.address;
  const plan = await planOf(options, from);
  const done = await provider.getTransactionCount(from, 'latest');
  const missing = creations(from, plan).slice(done);
  const cost = await costOf(provider, from, missing);
  console.log(`deployer ${from}, ${done} transactions so far, ${missing.length} contracts to create`);
  console.log(`at most ${cost.gas} gas; ${cost.totalWei} wei, of which ${cost.l1FeeWei} for data on L1`);
  if (options.dryRun) {
    for (const { name, address } of missing) console.log(`would create ${name} at ${address}`);
    return;
  }
  if (missing.length > 0) await requireFunds(provider, from, cost);
  const deployment = await deploySuite(deployer, plan, console.log);
  const facts = await checkDeployment(provider, deployment, plan, from);
  const text = `${JSON.stringify(deployment, null, 2)}\n`;
  if (options.out !== undefined) await writeFile(options.out, text);
  console.log(`${facts} facts read back agree with the plan\n${text}`);
}

function readOptions(given: string[]): Options | undefined {
  const values = parsed(given);
  const { rpc, profile, settings, out } = values;
  if (values.help) return undefined;
  if (rpc === undefined) throw bad('--rpc is missing');
  if (profile !== 'local' && profile !== 'production') throw bad('--profile is local or production');
  if ((profile === 'production') !== (settings !== undefined)) {
    throw bad('--settings belongs to --profile production, and only to it');
  }
  return { rpc, profile, settings, out, dryRun: values['dry-run'] };
}

function parsed(given: string[]) {
  try {
    return parseArgs({
      args: given,
      options: {
        rpc: { type: 'string' },
        profile: { type: 'string' },
        settings: { type: 'string' },
        out: { type: 'string' },
        'dry-run': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw bad(error instanceof Error ? error.message : String(error));
  }
}

const bad = (problem: string) => new DomainError('invalid', 'BAD_OPTION', `${problem}\n\n${USAGE}`);

async function chainIdOf(rpc: string): Promise<number> {
  const provider = new JsonRpcProvider(rpc, undefined, { batchMaxCount: 1 });
  try {
    return Number(await provider.send('eth_chainId', []));
  } finally {
    provider.destroy();
  }
}

function deployerOf({ profile }: Options): Wallet {
  const { DEPLOYER_KEY: key } = loadConfig(Keys, process.env);
  if (key !== undefined) return new Wallet(key);
  if (profile === 'local') return new Wallet(developmentWallet(0).privateKey);
  throw new DomainError('invalid', 'NO_DEPLOYER_KEY', 'set DEPLOYER_KEY or DEPLOYER_KEY_FILE');
}

async function planOf({ settings }: Options, deployer: string): Promise<DeploymentPlan> {
  if (settings !== undefined) return productionPlan(await readSettings(settings), deployer);
  const operator = developmentWallet(1).address;
  return localPlan(everythingTo(operator), { operator, administrator: deployer });
}

async function readSettings(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new DomainError('invalid', 'SETTINGS_UNREADABLE', `${path} is not a readable JSON file`, { cause });
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof DomainError ? `${error.code}: ${error.message}` : error);
  process.exitCode = 1;
}
