import { parseArgs } from 'node:util';
import { DomainError } from '@openledger/kernel';
import { VerifyEpoch } from './application/epochs/verify-epoch.js';
import {
  FolderManifests,
  HashedLines,
  HttpManifests,
  RpcRoots,
  rootOf,
} from './outbound/epochs/published-epochs.js';

const USAGE =
  'verify --epoch N [--to M] (--url http://host:port | --folder PATH) [--rpc URL] [--distributor 0x…]\n' +
  'Recomputes chain epochs from their manifests, and compares them with the chain where --rpc is given.';

/** Ends with 0 when everything is as it should, 1 on the first difference, 2 when it was called wrongly. */
export async function verify(args: readonly string[], print: (text: string) => void): Promise<number> {
  const options = optionsOf(args);
  if (!options) {
    print(USAGE);
    return 2;
  }
  const run = new VerifyEpoch({
    manifests:
      options.folder === undefined ? new HttpManifests(options.url) : new FolderManifests(options.folder),
    ...(options.rpc === undefined ? {} : { roots: new RpcRoots(options.rpc, options.distributor) }),
    lines: new HashedLines(),
    rootOf,
    onProgress: print,
  });
  try {
    for (let epoch = options.from; epoch <= options.to; epoch += 1) await run.run(epoch);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    print(`${error.code}: ${error.message}`);
    return 1;
  }
  print('verified');
  return 0;
}

const DEFAULT_URL = 'http://127.0.0.1:8080';
const NUMBER = /^[1-9]\d{0,8}$/;

function optionsOf(args: readonly string[]) {
  const names = ['epoch', 'to', 'url', 'folder', 'rpc', 'distributor'] as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
    });
    const { epoch, to = epoch, url = DEFAULT_URL, folder, rpc, distributor } = values;
    if (epoch === undefined || to === undefined || !NUMBER.test(epoch) || !NUMBER.test(to)) return undefined;
    return { from: Number(epoch), to: Number(to), url, folder, rpc, distributor };
  } catch {
    return undefined;
  }
}
