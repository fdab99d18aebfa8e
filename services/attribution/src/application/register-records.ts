import { type ContributionAssessed, type ContributionWithdrawn, required } from '@openledger/contracts';
import { DomainError, linesOf } from '@openledger/kernel';
import { contentHashes } from '../domain/retrieval/chunk-content.js';
import type { RecordRegistry, RegisteredRecord } from './record-registry.js';

/** The part of the blob store that is needed here. */
export abstract class AcceptedBlobs {
  abstract read(digest: string): Promise<Uint8Array>;
}

/** Lines decoded before others get their turn: a contribution has up to 50,000. */
const BATCH_LINES = 500;

/** Keeps whose every accepted record is, and what was taken back. */
export class RegisterRecords {
  constructor(
    private readonly registry: RecordRegistry,
    private readonly blobs: AcceptedBlobs,
  ) {}

  /** A later assessment replaces the earlier one. */
  assessed(eventId: string, event: ContributionAssessed): Promise<boolean> {
    const { contributionId, datanetId, contributorId, acceptedBlob } = event;
    const acceptedAt = required(event.assessedAt, 'assessedAt');
    const contribution = { contributionId, datanetId, contributorId, acceptedBlob, acceptedAt };
    return this.registry.register(eventId, contribution, this.records(acceptedBlob));
  }

  withdrawn(eventId: string, event: ContributionWithdrawn): Promise<boolean> {
    return this.registry.withdraw(eventId, {
      contributionId: required(event.contributionId, 'contributionId'),
      datanetId: event.datanetId,
      contributorId: event.contributorId,
      reason: event.reason,
      withdrawnAt: required(event.withdrawnAt, 'withdrawnAt'),
    });
  }

  private async *records(acceptedBlob: string): AsyncGenerator<readonly RegisteredRecord[]> {
    if (acceptedBlob === '') return;
    let batch: RegisteredRecord[] = [];
    for (const line of linesOf(await this.blobs.read(acceptedBlob))) {
      batch.push(toRecord(line));
      if (batch.length < BATCH_LINES) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }
}

function toRecord(line: string): RegisteredRecord {
  const { id, record } = JSON.parse(line) as {
    readonly id?: unknown;
    readonly record?: { readonly prompt?: unknown; readonly completion?: unknown; readonly text?: unknown };
  };
  const text = record?.text ?? record?.completion;
  const prompt = record?.prompt ?? '';
  if (typeof id === 'string' && typeof text === 'string' && typeof prompt === 'string')
    return { recordId: id, contentHashes: contentHashes({ prompt, completion: text }) };
  throw new DomainError('invalid', 'BLOB_CORRUPT', 'A line of the accepted records is none.');
}
