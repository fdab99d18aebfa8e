import { DomainError, invariant } from '@openledger/kernel';
import { maskedScore } from '../graph/positions.js';
import { freshName, pastName, type ServingGraphOptions, servingGraph } from '../graph/serving-graph.js';
import type { ModelConfig, Tensor, Weights } from '../model.js';
import { type ServedAdapter, stackAdapters } from './adapter-stack.js';
import type { FreshKeyValues, KvCache } from './kv-cache.js';
import { type IntegerTensor, Session, type SessionOptions } from './session.js';

/** New tokens of one row: a prompt, a part of one, or the one token sampled last. */
export interface ServingRow {
  readonly tokens: ArrayLike<number>;
  readonly adapter?: ServedAdapter;
}

export interface ServingStep extends FreshKeyValues {
  /** Logits after each row's last token, [rows, vocabulary]. */
  readonly logits: Tensor;
}

type ServingFeeds = Map<string, Tensor | IntegerTensor>;

/** Runs batches whose rows may each use another adapter, with the key/value cache outside. */
export class ServingSession {
  #stacked: { readonly adapters: readonly ServedAdapter[]; readonly tensors: ReadonlyMap<string, Tensor> } = {
    adapters: [],
    tensors: new Map(),
  };

  private constructor(
    private readonly session: Session,
    private readonly config: ModelConfig,
    private readonly options: ServingGraphOptions,
  ) {}

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
   * result to it.
   */
  async step(rows: readonly ServingRow[], cache?: KvCache): Promise<ServingStep> {
    invariant(
      rows.length > 0 && (!cache || cache.rows === rows.length),
      'rows of the step and of the cache differ',
    );
    const time = Math.max(...rows.map(({ tokens }) => tokens.length));
    const feeds: ServingFeeds = new Map();
    this.#feedTokens(feeds, rows, { time, cache });
    this.#feedPast(feeds, rows.length, cache);
    if (this.options.lora) this.#feedAdapters(feeds, rows, time);
    const layers = [...Array(this.config.layerCount).keys()];
    const keyNames = layers.map((layer) => freshName(layer, 'key'));
    const valueNames = layers.map((layer) => freshName(layer, 'value'));
    const outputs = await this.session.run(feeds, ['logits', ...keyNames, ...valueNames]);
    const take = (name: string): Tensor => {
      const tensor = outputs.get(name);
      invariant(tensor, `the step returned no ${name}`);
      return tensor;
    };
    return { logits: take('logits'), keys: keyNames.map(take), values: valueNames.map(take) };
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

  #feedAdapters(feeds: ServingFeeds, rows: readonly ServingRow[], time: number): void {
    const adapters = [...new Set(rows.flatMap(({ adapter }) => adapter ?? []))];
    const groups: number[][] = adapters.map(() => []);
    const scales = new Float32Array(rows.length);
    for (const [row, { adapter, tokens }] of rows.entries()) {
      if (!adapter) continue;
      scales[row] = adapter.config.alpha / adapter.config.rank;
      const group = groups[adapters.indexOf(adapter)];
      for (let t = 0; t < tokens.length; t += 1) group?.push(row * time + t);
    }
    const slots = Math.max(adapters.length, 1);
    const members = Math.max(1, ...groups.map((group) => group.length));
    const slotTokens = new BigInt64Array(slots * members);
    const tokenSlots = new BigInt64Array(rows.length * time);
    for (const [slot, group] of groups.entries()) {
      for (const [member, token] of group.entries()) {
        slotTokens[slot * members + member] = BigInt(token);
        tokenSlots[token] = BigInt(slot * members + member);
      }
    }
    feeds.set('slot_tokens', { shape: [slots, members], data: slotTokens });
    feeds.set('token_slots', { shape: [rows.length, time], data: tokenSlots });
    feeds.set('row_scales', { shape: [rows.length, 1, 1], data: scales });
    for (const [name, tensor] of this.#stack(adapters)) feeds.set(name, tensor);
  }

  /** The stack of the last step is kept: while a batch decodes, its adapters stay the same. */
  #stack(adapters: readonly ServedAdapter[]): ReadonlyMap<string, Tensor> {
    const { lora } = this.options;
    invariant(lora, 'this session serves no adapters');
    const known = this.#stacked;
    const same =
      known.tensors.size > 0 &&
      known.adapters.length === adapters.length &&
      known.adapters.every((adapter, index) => adapter === adapters[index]);
    if (!same) this.#stacked = { adapters, tensors: stackAdapters(this.config, lora, adapters) };
    return this.#stacked.tensors;
  }
}
