import { DomainError, jsonLinesBetween } from '@openledger/kernel';
import type { Contribution } from './ports.js';

/** The part of the blob store that is needed here. */
export abstract class VerdictBlobs {
  abstract read(digest: string): Promise<Uint8Array>;
}

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
    const items = jsonLinesBetween(blob, { from, limit });
    const next = from + items.length;
    return { items, next: items.length === limit && next < contribution.recordCount ? next : null };
  }
}
