import { DomainError, invariant } from '@openledger/kernel';
import { maskedScore } from '../graph/positions.js';
import { planFor } from '../graph/precision.js';
import {
  freshName,
  packingOf,
  pastName,
  type ServingGraphOptions,
  servingGraph,
} from '../graph/serving-graph.js';
import type { ModelConfig, Tensor, Weights } from '../model.js';
import { adapterFeeds, type RowAdapter } from './adapter-cells.js';
import { AdapterPool } from './adapter-pool.js';
import { type FreshKeyValues, type KvCache, stripTokens } from './kv-cache.js';
import { type FeedTensor, Session, type SessionOptions } from './session.js';

/** New tokens of one row: a prompt, a part of one, or the one token sampled last. */
export interface ServingRow {
  readonly tokens: ArrayLike<number>;
  /** Adapters of the row, all in the session's pool; their changes add up, each times its weight. */
  readonly adapters?: readonly RowAdapter[];
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

type ServingFeeds = Map<string, FeedTensor>;

/** Rows of a step that run together. */
interface Run {
  readonly rows: readonly ServingRow[];
  readonly first: number;
  readonly time: number;
}

/** Runs batches whose rows may each use another adapter, with the key/value cache outside. */
export class ServingSession {
  /** Adapters that rows can use. */
  readonly adapters: AdapterPool;
  readonly #keyNames: readonly string[];
  readonly #valueNames: readonly string[];

  private constructor(
    private readonly session: Session,
    private readonly config: ModelConfig,
    private readonly options: ServingGraphOptions,
  ) {
    const packing = packingOf(config, planFor(config, options.precision ?? 'float32'));
    const layers = [...Array(config.layerCount).keys()];
    this.#keyNames = layers.map((layer) => freshName(layer, 'key'));
    this.#valueNames = layers.map((layer) => freshName(layer, 'value'));
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
   *
   * Rows of one token are computed together, others one by one: their products have the same sizes in
   * every batch, so that the mates of a row do not show in its result, and nothing is spent on padding.
   */
  async step(rows: readonly ServingRow[], cache?: KvCache, options: StepOptions = {}): Promise<ServingStep> {
    invariant(
      rows.length > 0 && (!cache || cache.rows === rows.length),
      'rows of the step and of the cache differ',
    );
    this.#refuseTooLong(rows, cache);
    const runs = runsOf(rows);
    for (const run of runs) {
      // A row that reads its prompt has a window of its own.
      const used = run.rows.flatMap(({ adapters = [] }) => adapters.map(({ adapter }) => adapter));
      if (run.rows.length > 1) this.adapters.bringTogether(used);
    }
    return this.adapters.read(async () => {
      const steps: ServingStep[] = [];
      for (const run of runs) steps.push(await this.#run(run, cache, options));
      return joined(steps);
    });
  }

  async #run(run: Run, cache: KvCache | undefined, options: StepOptions): Promise<ServingStep> {
    const feeds: ServingFeeds = new Map();
    feedTokens(feeds, run, cache);
    this.#feedPast(feeds, run, cache);
    if (this.adapters.pageCount > 0) {
      const adapters = run.rows.map((row) => row.adapters ?? []);
      for (const [name, tensor] of adapterFeeds(this.adapters, adapters, run.time)) feeds.set(name, tensor);
    }
    const outputs = await this.session.run(feeds, [
      'logits',
      ...(options.hidden ? ['hidden'] : []),
      ...this.#keyNames,
      ...this.#valueNames,
    ]);
    const take = (name: string): Tensor => {
      const tensor = outputs.get(name);
      invariant(tensor, `the step returned no ${name}`);
      return tensor;
    };
    return {
      logits: take('logits'),
      keys: this.#keyNames.map(take),
      values: this.#valueNames.map(take),
      ...(options.hidden ? { hidden: take('hidden') } : {}),
    };
  }

  async release(): Promise<void> {
    await this.session.release();
  }

  #refuseTooLong(rows: readonly ServingRow[], cache: KvCache | undefined): void {
    for (const [row, { tokens }] of rows.entries()) {
      const past = cache?.lengthOf(row) ?? 0;
      if (tokens.length > 0 && past + tokens.length <= this.options.maxLength) continue;
      throw new DomainError(
        'too-large',
        'CONTEXT_LENGTH_EXCEEDED',
        `${past} cached and ${tokens.length} new tokens; the model reads between 1 and ${this.options.maxLength}.`,
      );
    }
  }

  #feedPast(feeds: ServingFeeds, { rows, first }: Run, cache: KvCache | undefined): void {
    const cached = cache && cache.capacity > 0 ? cache : undefined;
    // As many as the shortest strip: sums over strips of other lengths would be grouped differently.
    const past = cached?.capacity ?? stripTokens(1);
    const bias = new Float32Array(rows.length * past).fill(maskedScore);
    for (let row = 0; row < rows.length; row += 1) {
      bias.fill(0, row * past, row * past + (cached?.lengthOf(first + row) ?? 0));
    }
    feeds.set('past_bias', { shape: [rows.length, 1, 1, past], data: bias });
    const { kvHeadCount, headDim, layerCount } = this.config;
    const size = kvHeadCount * past * headDim;
    const shape = [rows.length, kvHeadCount, past, headDim];
    const none = { shape, data: new Float32Array(cached ? 0 : rows.length * size) };
    const part = ({ data }: Tensor): Tensor => ({
      shape,
      data: data.subarray(first * size, (first + rows.length) * size),
    });
    for (let layer = 0; layer < layerCount; layer += 1) {
      const strips = cached?.layer(layer);
      feeds.set(pastName(layer, 'key'), strips ? part(strips.key) : none);
      feeds.set(pastName(layer, 'value'), strips ? part(strips.value) : none);
    }
  }
}

/** Neighbouring rows of one token together, every other row alone. */
function runsOf(rows: readonly ServingRow[]): Run[] {
  const runs: Run[] = [];
  for (let first = 0; first < rows.length; ) {
    const time = rows[first]?.tokens.length ?? 0;
    let end = first + 1;
    while (time === 1 && rows[end]?.tokens.length === 1) end += 1;
    runs.push({ rows: rows.slice(first, end), first, time });
    first = end;
  }
  return runs;
}

function feedTokens(feeds: ServingFeeds, { rows, first, time }: Run, cache: KvCache | undefined): void {
  const ids = new BigInt64Array(rows.length * time);
  const positions = new BigInt64Array(rows.length * time);
  const last = new BigInt64Array(rows.length);
  for (const [row, { tokens }] of rows.entries()) {
    const past = cache?.lengthOf(first + row) ?? 0;
    for (let t = 0; t < time; t += 1) {
      ids[row * time + t] = BigInt(tokens[t] ?? 0);
      positions[row * time + t] = BigInt(past + t);
    }
    last[row] = BigInt(row * time + time - 1);
  }
  feeds.set('input_ids', { shape: [rows.length, time], data: ids });
  feeds.set('positions', { shape: [rows.length, time], data: positions });
  feeds.set('last_tokens', { shape: [rows.length], data: last });
}

/** Results of several runs as one step; what a shorter row lacks at its end is zero. */
function joined(steps: readonly ServingStep[]): ServingStep {
  const [first, ...others] = steps;
  invariant(first, 'a step has rows');
  if (others.length === 0) return first;
  const parts = (pick: (step: ServingStep) => Tensor | undefined): Tensor[] =>
    steps.flatMap((step) => pick(step) ?? []);
  const { hidden } = first;
  return {
    logits: stacked(parts(({ logits }) => logits)),
    keys: first.keys.map((_, layer) => stacked(parts(({ keys }) => keys[layer]))),
    values: first.values.map((_, layer) => stacked(parts(({ values }) => values[layer]))),
    ...(hidden ? { hidden: stacked(parts((step) => step.hidden)) } : {}),
  };
}

/** Joins tensors along their first axis; with four axes the third may differ. */
function stacked(parts: readonly Tensor[]): Tensor {
  const shape = [...(parts[0]?.shape ?? [])];
  shape[0] = parts.reduce((sum, part) => sum + (part.shape[0] ?? 0), 0);
  const isPadded = shape.length === 4;
  if (isPadded) shape[2] = Math.max(...parts.map((part) => part.shape[2] ?? 0));
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  const run = isPadded ? (shape[2] ?? 0) * (shape[3] ?? 0) : 0;
  let at = 0;
  for (const part of parts) {
    if (!isPadded) {
      data.set(part.data, at);
      at += part.data.length;
      continue;
    }
    const own = (part.shape[2] ?? 0) * (part.shape[3] ?? 0);
    for (let from = 0; from < part.data.length; from += own) {
      data.set(part.data.subarray(from, from + own), at);
      at += run;
    }
  }
  return { shape, data };
}
