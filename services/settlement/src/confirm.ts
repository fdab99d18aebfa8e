import { parseArgs } from 'node:util';
import { chainAddress, type Env, loadConfig } from '@openledger/config';
import { DomainError } from '@openledger/kernel';
import { connect, RewardsDistributor } from '@openledger/onchain';
import { JsonRpcProvider, Wallet } from 'ethers';
import { z } from 'zod';
import { ConfirmRoots } from './application/epochs/confirm-roots.js';
import { VerifyEpoch } from './application/epochs/verify-epoch.js';
import { DistributorConfirmations } from './outbound/epochs/distributor-confirmations.js';
import {
  FolderManifests,
  HashedLines,
  HttpManifests,
  RpcRoots,
  rootOf,
} from './outbound/epochs/published-epochs.js';

const USAGE =
  'confirm --rpc URL --distributor 0x… (--url http://host:port | --folder PATH)\n' +
  'Recomputes every root that waits for its second party, and confirms it with the key in CONFIRMER_KEY, or in the file\n' +
  'that CONFIRMER_KEY_FILE names. Run it on a machine of your own, against an endpoint of your own.';

const Keys = z.object({
  CONFIRMER_KEY: z.string().regex(/^0x[0-9a-fA-F]{64}$/, 'a private key: 0x and 64 hexadecimal digits'),
});
const Options = z.strictObject({
  rpc: z.url(),
  distributor: chainAddress,
  url: z.url().optional(),
  folder: z.string().optional(),
});
type Options = z.infer<typeof Options>;

/** Ends with 0 when nothing waits any more, 1 on the first difference, 2 when it was called wrongly. */
export async function confirm(
  args: readonly string[],
  env: Env,
  print: (text: string) => void,
): Promise<number> {
  const options = optionsOf(args);
  if (!options) {
    print(USAGE);
    return 2;
  }
  try {
    const { CONFIRMER_KEY: key } = loadConfig(Keys, env);
    print(`${await run(options, new Wallet(key), print)} confirmed`);
    return 0;
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    print(`${error.code}: ${error.message}`);
    return 1;
  }
}

async function run(options: Options, wallet: Wallet, print: (text: string) => void): Promise<number> {
  const { rpc, url, folder, distributor } = options;
  const provider = connect(rpc, await chainIdOf(rpc));
  try {
    const verify = new VerifyEpoch({
      manifests: folder === undefined ? new HttpManifests(url ?? '') : new FolderManifests(folder),
      roots: new RpcRoots(rpc, distributor),
      lines: new HashedLines(),
      rootOf,
      onProgress: print,
    });
    const contract = new RewardsDistributor(distributor, provider);
    const confirmations = new DistributorConfirmations(contract, wallet.connect(provider));
    return await new ConfirmRoots(verify, confirmations, wallet.address, print).run();
  } finally {
    provider.destroy();
  }
}

async function chainIdOf(rpc: string): Promise<number> {
  const provider = new JsonRpcProvider(rpc);
  try {
    return Number(await provider.send('eth_chainId', []));
  } finally {
    provider.destroy();
  }
}

function optionsOf(args: readonly string[]): Options | undefined {
  try {
    const names = Object.keys(Options.shape).map((name) => [name, { type: 'string' as const }]);
    const { values } = parseArgs({ args: [...args], options: Object.fromEntries(names) });
    const options = Options.parse(values);
    return (options.url === undefined) === (options.folder === undefined) ? undefined : options;
  } catch {
    return undefined;
  }
}
