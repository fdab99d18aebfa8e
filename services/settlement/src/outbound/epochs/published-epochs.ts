import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { DomainError } from '@openledger/kernel';
import { CumulativeTree, connect, RewardsDistributor } from '@openledger/onchain';
import {
  LineSource,
  PublishedManifests,
  PublishedRoots,
  type RootOnChain,
} from '../../application/epochs/verify-epoch.js';
import type { EpochClaim } from '../../domain/epochs/check-epoch.js';
import type { Leaf } from '../../domain/epochs/epoch.js';

/** An answer of a model with many contributors is some hundred kilobytes. */
const LINE_BYTES_MAX = 16 * 2 ** 20;
const FETCH_TIMEOUT_MS = 600_000;

const unknown = (what: string): DomainError =>
  new DomainError('not-found', 'MANIFEST_UNKNOWN', `there is no manifest of ${what}`);

/** Those that a settlement service publishes. */
export class HttpManifests extends PublishedManifests {
  constructor(private readonly url: string) {
    super();
  }

  epoch(epoch: number): Promise<AsyncIterable<Uint8Array>> {
    return this.fetch(`settlement/epochs/${epoch}/manifest`);
  }

  ledgerEpoch(epoch: number): Promise<AsyncIterable<Uint8Array>> {
    return this.fetch(`settlement/ledger-epochs/${epoch}/manifest`);
  }

  private async fetch(path: string): Promise<AsyncIterable<Uint8Array>> {
    const url = new URL(path, this.url.endsWith('/') ? this.url : `${this.url}/`);
    const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
    if (!response.ok || !response.body) throw unknown(`${url.pathname} (status ${response.status})`);
    return response.body;
  }
}

/** Those that somebody kept: `epoch-N.ndjson` and `ledger-epoch-N.ndjson`. */
export class FolderManifests extends PublishedManifests {
  constructor(private readonly folder: string) {
    super();
  }

  epoch(epoch: number): Promise<AsyncIterable<Uint8Array>> {
    return this.open(`epoch-${epoch}.ndjson`);
  }

  ledgerEpoch(epoch: number): Promise<AsyncIterable<Uint8Array>> {
    return this.open(`ledger-epoch-${epoch}.ndjson`);
  }

  private async open(name: string): Promise<AsyncIterable<Uint8Array>> {
    const stream = createReadStream(join(this.folder, name));
    await new Promise<void>((resolve, reject) => {
      stream.once('open', () => resolve());
      stream.once('error', () => reject(unknown(name)));
    });
    return stream;
  }
}

/** @param distributor whom the verifier believes; without it, the one that the manifest names */
export class RpcRoots extends PublishedRoots {
  constructor(
    private readonly rpcUrl: string,
    private readonly distributor?: string,
  ) {
    super();
  }

  async root(claim: EpochClaim, epoch: number): Promise<RootOnChain | undefined> {
    const provider = connect(this.rpcUrl, claim.chainId);
    try {
      const contract = new RewardsDistributor(this.distributor ?? claim.distributor, provider);
      const last = await contract.lastEpoch();
      return epoch > 0 && epoch <= last ? await contract.rootOf(epoch) : undefined;
    } finally {
      provider.destroy();
    }
  }
}

export class HashedLines extends LineSource {
  async read(bytes: AsyncIterable<Uint8Array>, take: (line: string) => void): Promise<string> {
    const hash = createHash('sha256');
    let rest = Buffer.alloc(0);
    for await (const chunk of bytes) {
      hash.update(chunk);
      rest = Buffer.concat([rest, chunk]);
      let from = 0;
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, from)) {
        take(rest.toString('utf8', from, end));
        from = end + 1;
      }
      rest = rest.subarray(from);
      if (rest.length > LINE_BYTES_MAX) {
        throw new DomainError('invalid', 'LINE_TOO_LONG', `a line has more than ${LINE_BYTES_MAX} bytes`);
      }
    }
    if (rest.length > 0) take(rest.toString('utf8'));
    return hash.digest('hex');
  }
}

export const rootOf = async (leaves: readonly Leaf[]): Promise<string> =>
  (await CumulativeTree.build(leaves.map((leaf) => ({ account: leaf.wallet, totalWei: leaf.totalWei }))))
    .root;
