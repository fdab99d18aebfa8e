import type { BlobStore } from '@openledger/blob-store';
import { LineageReader } from '../application/ports.js';
import type { TrainedRecord } from '../domain/record.js';
import { fromJsonLines } from './json-lines.js';

export class BlobLineageReader extends LineageReader {
  constructor(private readonly blobs: BlobStore) {
    super();
  }

  async read(blob: string): Promise<TrainedRecord[]> {
    const lines = fromJsonLines(await this.blobs.get(blob)) as (TrainedRecord & {
      readonly recordId: string;
    })[];
    return lines.map(({ recordId, ...record }) => ({ ...record, id: recordId }));
  }
}
