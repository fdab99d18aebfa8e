import type { BlobStore } from '@openledger/blob-store';
import { countLines, jsonLinesBetween } from '@openledger/kernel';
import { type LineagePage, LineageReader } from '../application/ports.js';
import type { TrainedRecord } from '../domain/record.js';

type Line = Omit<TrainedRecord, 'id'> & { readonly recordId: string };

export class BlobLineageReader extends LineageReader {
  constructor(private readonly blobs: BlobStore) {
    super();
  }

  async read(blob: string, offset: number, limit: number): Promise<LineagePage> {
    const bytes = await this.blobs.get(blob);
    const lines = jsonLinesBetween(bytes, { from: offset, limit }) as Line[];
    const records = lines.map(({ recordId, ...record }) => ({ ...record, id: recordId }));
    return { total: countLines(bytes), records };
  }
}
