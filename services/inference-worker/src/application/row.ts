import { invariant } from '@openledger/kernel';
import {
  KvCache,
  type KvShape,
  type RowAdapter,
  type ServingRow,
  stripTokens,
} from '@openledger/transformer';
import type { Sampling } from '../domain/sampling.js';
import { BatchRow, type RowModel } from './batch-row.js';

/** A request whose adapters are in memory. */
export interface RowWork {
  readonly id: number;
  readonly tenant: string;
  readonly tokens: readonly number[];
  readonly adapters: readonly RowAdapter[];
  /** Of the adapters, in their order. */
  readonly digests: readonly string[];
  /** Absent where the tokens are to be embedded. */
  readonly sampling: Sampling | undefined;
}

export interface RowContext {
  readonly model: RowModel;
  readonly random: (seed: number) => () => number;
}

/**
 * One request from its arrival to its end. It waits, reads its prompt, then decodes; whenever it is not
 * decoding, the keys and values it has are its own.
 */
export class Row {
  readonly id: number;
  readonly tenant: string;
  readonly tokens: readonly number[];
  readonly digests: readonly string[];
  /** Absent for an embedding. */
  readonly answer: BatchRow | undefined;
  /** Names of the whole blocks of the prompt; empty where no cache is used. */
  blocks: readonly string[] = [];
  /** Prompt tokens whose keys and values are there. */
  prefilled = 0;
  cachedTokens = 0;
  /** When it took part in steps first, by `performance.now`; 0 before. */
  startedMs = 0;
  /** Keys and values while the row is not in the batch. */
  cache: KvCache | undefined;
  /** Sum of the hidden states read so far. */
  readonly hidden: number[] = [];
  private readonly adapters: readonly RowAdapter[];
  private readonly arrivedMs = performance.now();

  constructor(work: RowWork, { model, random }: RowContext) {
    this.id = work.id;
    this.tenant = work.tenant;
    this.tokens = work.tokens;
    this.digests = work.digests;
    this.adapters = work.adapters;
    const { sampling, tokens } = work;
    this.answer = sampling && new BatchRow({ promptTokens: tokens, sampling }, model, random(sampling.seed));
    this.stripTokens = stripTokens(tokens.length + (this.answer?.tokensLeft ?? 0));
  }

  /** Tokens of the strip that it may come to need. */
  readonly stripTokens: number;

  get isRead(): boolean {
    return this.prefilled === this.tokens.length;
  }

  /** Prompt tokens still to be read and answer tokens still allowed. */
  get tokensLeft(): number {
    return this.tokens.length - this.prefilled + (this.answer?.tokensLeft ?? 0);
  }

  /** Milliseconds from arrival to the first step. */
  get waitedMs(): number {
    return Math.max(0, this.startedMs - this.arrivedMs);
  }

  /** Its own cache, with its one row. */
  ownCache(shape: KvShape): KvCache {
    if (!this.cache) {
      this.cache = new KvCache(shape, 1);
      this.cache.addRow();
    }
    return this.cache;
  }

  /** Part of a step that reads the tokens. */
  stepOf(tokens: ArrayLike<number>): ServingRow {
    return this.adapters.length === 0 ? { tokens } : { tokens, adapters: this.adapters };
  }

  get lastToken(): number {
    invariant(this.answer, 'only answers are decoded');
    return this.answer.lastToken;
  }
}
