import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SpanDocument } from '@openledger/attribution/engine';
import { PeerProcess } from '../../peer-process.js';
import { VOCABULARY } from './text.js';

/** infini-gram's mark before each document, and the end of its vocabulary for us. */
const BORDER = 0xffff;

export interface PeerQuestions {
  readonly queries: readonly (readonly number[])[];
  readonly tokensMin: number;
  readonly occurrencesMax: number;
  readonly threads: number;
}

/** infini-gram's own builder and engine, on the same documents. */
export class InfiniGram {
  private constructor(
    private readonly folder: string,
    private readonly process: PeerProcess,
  ) {}

  static async build(documents: readonly SpanDocument[], questions: PeerQuestions): Promise<InfiniGram> {
    const folder = await mkdtemp(join(tmpdir(), 'spans-peer-'));
    try {
      await writeTokens(folder, documents);
      await writeFile(join(folder, 'queries.json'), JSON.stringify(questions.queries));
      const peer = await PeerProcess.python('span_search.py', {
        folder,
        vocabulary: VOCABULARY,
        tokens_min: questions.tokensMin,
        occurrences_max: questions.occurrencesMax,
        threads: questions.threads,
      });
      return new InfiniGram(folder, peer);
    } catch (error) {
      await rm(folder, { recursive: true });
      throw error;
    }
  }

  buildMs(): Promise<number> {
    return this.process.ask('build');
  }

  /** Milliseconds that it takes to find the spans of a query. */
  find(query: number): Promise<number> {
    return this.process.ask(`find ${query}`);
  }

  /**
   * Share of the spans that both find among those that either does.
   *
   * @param expected for each query [start, end, occurrences] of each of our spans
   */
  async agreement(expected: readonly (readonly (readonly number[])[])[]): Promise<number> {
    await writeFile(join(this.folder, 'expected.json'), JSON.stringify(expected));
    return this.process.ask('agreement');
  }

  async end(): Promise<Record<string, string>> {
    const versions = await this.process.end();
    await rm(this.folder, { recursive: true });
    return versions;
  }
}

/** Its files: tokens of two bytes with a border before each document, and where each document begins, in bytes. */
async function writeTokens(folder: string, documents: readonly SpanDocument[]): Promise<void> {
  const offsets = new BigUint64Array(documents.length);
  const file = await open(join(folder, 'tokenized.0'), 'w');
  try {
    let bytes = 0;
    for (const [i, { tokens }] of documents.entries()) {
      offsets[i] = BigInt(bytes);
      const piece = Uint16Array.of(BORDER, ...Array.from(tokens));
      await file.write(new Uint8Array(piece.buffer));
      bytes += piece.byteLength;
    }
  } finally {
    await file.close();
  }
  await writeFile(join(folder, 'offset.0'), new Uint8Array(offsets.buffer));
}
