import { DomainError, invariant } from '@openledger/kernel';
import { maskedScore } from '../graph/positions.js';
import { freshName, pastName, type ServingGraphOptions, servingGraph } from '../graph/serving-graph.js';
import type { ModelConfig, Tensor, Weights } from '../model.js';
import { AdapterSlots, type ServedAdapter } from './adapter-slots.js';
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
  readonly #slots: AdapterSlots | undefined;

  private constructor(
    private readonly session: Session,
    private readonly config: ModelConfig,
    private readonly options: ServingGraphOptions,
  ) {
    this.#slots = options.lora && new AdapterSlots(config, options.lora);
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
    if (this.#slots) feedAdapters(feeds, rows, { time, slots: this.#slots });
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
}

/** Groups the tokens of a step by adapter; see `slotLora` for the inputs. */
function feedAdapters(
  feeds: ServingFeeds,
  rows: readonly ServingRow[],
  how: { readonly time: number; readonly slots: AdapterSlots },
): void {
  const { time, slots } = how;
  const placed = slots.assign([...new Set(rows.flatMap(({ adapter }) => adapter ?? []))]);
  const groups: number[][] = Array.from({ length: Math.max(placed.size, 1) }, () => []);
  const adapted = new Float32Array(rows.length);
  const places = rows.map(({ adapter, tokens }, row) => {
    const slot = adapter && placed.get(adapter);
    const group = slot === undefined ? undefined : groups[slot];
    if (slot === undefined || !group) return undefined;
    adapted[row] = 1;
    const first = group.length;
    for (let t = 0; t < tokens.length; t += 1) group.push(row * time + t);
    return { slot, first };
  });
  const members = Math.max(1, ...groups.map((group) => group.length));
  const slotTokens = new BigInt64Array(groups.length * members);
  for (const [slot, group] of groups.entries()) {
    for (const [member, token] of group.entries()) slotTokens[slot * members + member] = BigInt(token);
  }
  const tokenSlots = new BigInt64Array(rows.length * time);
  for (const [row, { tokens }] of rows.entries()) {
    const place = places[row];
    if (!place) continue;
    for (let t = 0; t < time; t += 1) {
      // Padding takes its own row's adapter: an overflow of another's would spread by attention.
      const member = place.first + Math.min(t, tokens.length - 1);
      tokenSlots[row * time + t] = BigInt(place.slot * members + member);
    }
  }
  feeds.set('slot_tokens', { shape: [groups.length, members], data: slotTokens });
  feeds.set('token_slots', { shape: [rows.length, time], data: tokenSlots });
  feeds.set('row_adapted', { shape: [rows.length, 1, 1], data: adapted });
  for (const [name, tensor] of slots.tensors(groups.length)) feeds.set(name, tensor);
}
