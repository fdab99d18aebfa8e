import type { BlobStore } from '@openledger/blob-store';
import { type Evidence, EvidenceReader } from '../application/ports.js';
import { readJson } from './json-blob.js';

export class BlobEvidenceReader extends EvidenceReader {
  constructor(private readonly blobs: BlobStore) {
    super();
  }

  async read(blob: string): Promise<Evidence> {
    return (await readJson(this.blobs, blob)) as Evidence;
  }
}
