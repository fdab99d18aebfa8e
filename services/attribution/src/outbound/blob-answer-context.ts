import type { BlobStore } from '@openledger/blob-store';
import { z } from 'zod';
import { AnswerContextReader } from '../application/context-owners.js';
import { contextRanges } from './context-ranges.js';
import { readJson } from './json-blob.js';

const Tokens = z.object({ context: contextRanges.optional() });

export class BlobAnswerContext extends AnswerContextReader {
  constructor(private readonly blobs: BlobStore) {
    super();
  }

  async recordIds(tokensBlob: string): Promise<readonly string[]> {
    const { context = [] } = Tokens.parse(await readJson(this.blobs, tokensBlob));
    return [...new Set(context.flatMap(({ recordId }) => (recordId === '' ? [] : [recordId])))];
  }
}
