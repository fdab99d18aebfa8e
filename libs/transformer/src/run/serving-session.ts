import { DomainError, invariant } from '@openledger/kernel';
import { maskedScore } from '../graph/positions.js';
import { mainPrecision, planFor } from '../graph/precision.js';
import { pageRank } from '../graph/rank-pages.js';
import { freshName, pastName, type ServingGraphOptions, servingGraph } from '../graph/serving-graph.js';
import type { ModelConfig, Tensor, Weights } from '../model.js';
import { AdapterPool } from './adapter-pool.js';
import type { FreshKeyValues, KvCache } from './kv-cache.js';
import { type PackedAdapter, packAdapter, type ServedAdapter } from './packed-adapter.js';
import { type IntegerTensor, Session, type SessionOptions } from './session.js';

/** New tokens of one row: a prompt, a part of one, or the one token sampled last. */
export interface ServingRow {
  readonly tokens: ArrayLike<number>;
  /** Adapters of the row, all in the session's pool; their changes add up, each times its weight. */
  readonly adapters?: readonly RowAdapter[];
  /** @deprecated packed and loaded on the fly; use `adapters`. */
  readonly adapter?: ServedAdapter;
}

export interface RowAdapter {
  readonly adapter: PackedAdapter;
  readonly weight: number;
}

export interface StepOptions {
  /** Whether hidden states are wanted. */
  readonly hidden?: boolean;
}

export interface ServingStep extends FreshKeyValues {
  /** Logits after each row's last token, [rows, vocabulary]. */
  readonly logits: Tensor;
  /** Where asked for: final normalised hidden states summed over each row's new tokens, [rows, hidden]. */
  readonly hidden?: Tensor;
}

type ServingFeeds = Map<string, Tensor | IntegerTensor>;

/** Runs batches whose rows may each use another adapter, with the key/value cache outside. */
export class ServingSession {
  /** Adapters that rows can use. */
  readonly adapters: AdapterPool;

  private constructor(
    private readonly session: Session,
    private readonly config: ModelConfig,
    private readonly options: ServingGraphOptions,
  ) {
    const plan = planFor(config, options.precision ?? 'float32');
    const packing = mainPrecision(config, plan) === 'int8' ? 'int8' : 'float32';
    this.adapters = new AdapterPool(config, options.adapterPages ?? 0, packing);
  }

  static async open(
    config: ModelConfig,
    weights: Weights,
    options: ServingGraphOptions & SessionOptions,
  ): Promise<ServingSession> {
    const session = await Session.open(servingGraph(config, weights, options), options);
    return new ServingSession(session, config, options);
  }

  /**
   * Reads the new tokens of every row after what `cache` holds for it: row i of the step is row i of
   * the cache, or a fresh sequence where no cache is given. The cache is not changed; append the
   * result to it. Adapters can be loaded and unloaded between steps, not during one.
   */
  async step(rows: readonly ServingRow[], cache?: KvCache, options: StepOptions = {}): Promise<ServingStep> {
    invariant(
      rows.length > 0 && (!cache || cache.rows === rows.length),
      'rows of the step and of the cache differ',
    );
    const time = Math.max(...rows.map(({ tokens }) => tokens.length));
    const feeds: ServingFeeds = new Map();
    this.#feedTokens(feeds, rows, { time, cache });
    this.#feedPast(feeds, rows.length, cache);
    if (this.adapters.pageCount > 0) this.#feedAdapters(feeds, this.#packed(rows), time);
    const layers = [...Array(this.config.layerCount).keys()];
    const keyNames = layers.map((layer) => freshName(layer, 'key'));
    const valueNames = layers.map((layer) => freshName(layer, 'value'));
    const fetches = ['logits', ...(options.hidden ? ['hidden'] : []), ...keyNames, ...valueNames];
    const outputs = await this.adapters.read(() => this.session.run(feeds, fetches));
    const take = (name: string): Tensor => {
      const tensor = outputs.get(name);
      invariant(tensor, `the step returned no ${name}`);
      return tensor;
    };
    return {
      logits: take('logits'),
      keys: keyNames.map(take),
      values: valueNames.map(take),
      ...(options.hidden ? { hidden: take('hidden') } : {}),
    };
  }

  async release(): Promise<void> {
    await this.session.release();
  }

  #feedTokens(
    feeds: ServingFeeds,
    rows: readonly ServingRow[],
    { time, cache }: { readonly time: number; readonly cache: KvCache | undefined },
  ): void {
    const ids = new BigInt64Array(rows.length * time);
    const positions = new BigInt64Array(rows.length * time);
    const last = new BigInt64Array(rows.length);
    for (const [row, { tokens }] of rows.entries()) {
      const past = cache?.lengthOf(row) ?? 0;
      if (tokens.length === 0 || past + tokens.length > this.options.maxLength) {
        throw new DomainError(
          'too-large',
          'CONTEXT_LENGTH_EXCEEDED',
          `${past} cached and ${tokens.length} new tokens; the model reads between 1 and ${this.options.maxLength}.`,
        );
      }
      for (let t = 0; t < tokens.length; t += 1) {
        ids[row * time + t] = BigInt(tokens[t] ?? 0);
        positions[row * time + t] = BigInt(past + t);
      }
      last[row] = BigInt(row * time + tokens.length - 1);
    }
    feeds.set('input_ids', { shape: [rows.length, time], data: ids });
    feeds.set('positions', { shape: [rows.length, time], data: positions });
    const weights = new Float32Array(rows.length * time);
    for (const [row, { tokens }] of rows.entries()) weights.fill(1, row * time, row * time + tokens.length);
    feeds.set('token_weights', { shape: [rows.length, 1, time], data: weights });
    feeds.set('last_tokens', { shape: [rows.length], data: last });
  }

  #feedPast(feeds: ServingFeeds, rows: number, cache: KvCache | undefined): void {
    const cached = cache && cache.capacity > 0 ? cache : undefined;
    // The runtime cannot infer a size beside an empty axis, so nothing is one masked token.
    const past = cached?.capacity ?? 1;
    const bias = new Float32Array(rows * past).fill(maskedScore);
    for (let row = 0; row < rows; row += 1) {
      bias.fill(0, row * past, row * past + (cached?.lengthOf(row) ?? 0));
    }
    feeds.set('past_bias', { shape: [rows, 1, 1, past], data: bias });
    const { kvHeadCount, headDim, layerCount } = this.config;
    const none = {
      shape: [rows, kvHeadCount, 1, headDim],
      data: new Float32Array(cached ? 0 : rows * kvHeadCount * headDim),
    };
    for (let layer = 0; layer < layerCount; layer += 1) {
      const { key, value } = cached?.layer(layer) ?? { key: none, value: none };
      feeds.set(pastName(layer, 'key'), key);
      feeds.set(pastName(layer, 'value'), value);
    }
  }

  /** Weighs the rank rows of the window for every token; see `rankPages` for the inputs. */
  #feedAdapters(feeds: ServingFeeds, rows: readonly ServingRow[], time: number): void {
    const used = rows.flatMap(({ adapters = [] }) => adapters.map(({ adapter }) => adapter));
    const window = this.adapters.windowOf(used);
    const ranks = window.count * pageRank;
    const weights = new Float32Array(rows.length * time * ranks);
    for (const [row, { adapters = [] }] of rows.entries()) {
      const first = weights.subarray(row * time * ranks, (row * time + 1) * ranks);
      for (const { adapter, weight } of adapters) {
        const place = this.adapters.placeOf(adapter);
        const from = (place.first - window.first) * pageRank;
        for (let rank = from; rank < from + place.count * pageRank; rank += 1) {
          first[rank] = (first[rank] ?? 0) + weight;
        }
      }
      for (let t = 1; t < time; t += 1) weights.set(first, (row * time + t) * ranks);
    }
    feeds.set('rank_weights', { shape: [rows.length, time, ranks], data: weights });
    for (const [name, tensor] of this.adapters.tensors(window)) feeds.set(name, tensor);
  }

  readonly #onTheFly = new Map<ServedAdapter, PackedAdapter>();

  #packed(rows: readonly ServingRow[]): readonly ServingRow[] {
    const wanted = new Set(rows.flatMap(({ adapter }) => adapter ?? []));
    for (const [content, adapter] of this.#onTheFly) {
      if (wanted.has(content)) continue;
      this.adapters.unload(adapter);
      this.#onTheFly.delete(content);
    }
    return rows.map((row) => {
      if (!row.adapter) return row;
      let adapter = this.#onTheFly.get(row.adapter);
      adapter ??= packAdapter(this.config, row.adapter, { packing: this.adapters.packing });
      this.#onTheFly.set(row.adapter, adapter);
      this.adapters.load(adapter);
      return { ...row, adapters: [...(row.adapters ?? []), { adapter, weight: 1 }] };
    });
  }
}
