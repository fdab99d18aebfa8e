import type { BlobStore } from '@openledger/blob-store';
import { type Evidence, EvidenceReader } from '../application/ports.js';

export class BlobEvidenceReader extends EvidenceReader {
  constructor(private readonly blobs: BlobStore) {
    super();
  }

  async read(blob: string): Promise<Evidence> {
    return JSON.parse(Buffer.from(await this.blobs.get(blob)).toString('utf8')) as Evidence;
  }
}
