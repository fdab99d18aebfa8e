import { DomainError } from '@openledger/kernel';
import type { Contribution } from './ports.js';

/** The part of the blob store that is needed here. */
export abstract class VerdictBlobs {
  abstract read(digest: string): Promise<Uint8Array>;
}

const LINE_FEED = 10;

/** Pages through the verdicts of a contribution's records. */
export class ReadVerdicts {
  constructor(private readonly blobs: VerdictBlobs) {}

  /** @throws DomainError CONTRIBUTION_NOT_ASSESSED */
  async run(contribution: Contribution, { from, limit }: { from: number; limit: number }) {
    if (contribution.assessment === undefined) {
      const message = 'The contribution has not been assessed yet: try again shortly.';
      throw new DomainError('conflict', 'CONTRIBUTION_NOT_ASSESSED', message);
    }
    const blob = await this.blobs.read(contribution.assessment.verdictsBlob);
    const items: unknown[] = [];
    let index = 0;
    for (let start = 0; start < blob.length && items.length < limit; index++) {
      const at = blob.indexOf(LINE_FEED, start);
      const end = at === -1 ? blob.length : at;
      if (index >= from) items.push(JSON.parse(Buffer.from(blob.subarray(start, end)).toString('utf8')));
      start = end + 1;
    }
    const next = from + items.length;
    return { items, next: items.length === limit && next < contribution.recordCount ? next : null };
  }
}
