import type { BlobStore } from '@openledger/blob-store';
import { fromJsonLines } from '@openledger/kernel';
import { z } from 'zod';
import type { AcceptedContribution } from '../application/ports.js';
import type { AcceptedRecord } from '../domain/record.js';

const Line = z.object({
  id: z.string(),
  contributorId: z.string(),
  contributionId: z.string(),
  quality: z.number(),
  record: z.union([
    z.object({ prompt: z.string(), completion: z.string() }),
    z.object({ text: z.string() }).transform(({ text }) => ({ prompt: '', completion: text })),
  ]),
});

/** The records of these contributions, in order; a record that stands in two of them is taken once. */
export async function readAcceptedRecords(
  blobs: BlobStore,
  contributions: readonly AcceptedContribution[],
): Promise<AcceptedRecord[]> {
  const records = new Map<string, AcceptedRecord>();
  for (const { acceptedBlob, datanetId } of contributions) {
    for (const line of fromJsonLines(await blobs.get(acceptedBlob))) {
      const { record, ...from } = Line.parse(line);
      if (!records.has(from.id)) records.set(from.id, { ...from, ...record, datanetId });
    }
  }
  return [...records.values()];
}
