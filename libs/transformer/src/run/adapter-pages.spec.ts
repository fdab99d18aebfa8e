import { largestDifference, randomTokens, tinyLora, tinyModels, tinyWeights } from '../../test/tiny-model.js';
import { loraShapes } from '../graph/lora-inputs.js';
import type { LoraConfig, LoraWeights, ModelConfig, TargetModule } from '../model.js';
import { targetModules } from '../model.js';
import { encodeSafetensors } from '../safetensors/write.js';
import { seededRandom } from '../train/random.js';
import type { RowAdapter } from './adapter-cells.js';
import { KvCache } from './kv-cache.js';
import { type AdapterContent, type PackedAdapter, packAdapter, packedBuffers } from './packed-adapter.js';
import { Scorer } from './scorer.js';
import { ServingSession, type ServingStep } from './serving-session.js';

const config: ModelConfig = { ...tinyModels.qwen2, hiddenSize: 96, intermediateSize: 160, kvHeadCount: 2 };
const weights = tinyWeights(config);
const maxLength = 400;

function content(lora: LoraConfig, seed: number): AdapterContent {
  return { config: lora, weights: tinyLora(config, lora, seed) };
}

function ofRank(rank: number, modules: readonly TargetModule[] = targetModules): AdapterContent {
  return content({ rank, alpha: 2 * rank, targetModules: modules }, rank + modules.length);
}

/** Finite values whose products are not. */
function overflowing(rank: number): AdapterContent {
  const adapter = ofRank(rank);
  for (const { data } of adapter.weights.values()) data.fill(3e38);
  return adapter;
}

/** What a row reads in a step, after what it has read before. */
interface Sequence {
  readonly tokens: Int32Array;
  readonly fresh: number;
  readonly parts: readonly { readonly content: AdapterContent; readonly weight: number }[];
}

const contents = {
  one: ofRank(1),
  three: ofRank(3, ['q_proj', 'down_proj']),
  eight: ofRank(8),
  values: ofRank(8, ['v_proj', 'gate_proj']),
  nine: ofRank(9),
  sixteen: ofRank(16),
  attention: ofRank(16, ['q_proj', 'k_proj', 'v_proj', 'o_proj']),
  odd: ofRank(17, ['up_proj', 'k_proj']),
  wide: ofRank(40),
  widest: ofRank(128),
  poison: overflowing(24),
  smallPoison: overflowing(5),
};

const only = (adapter: AdapterContent, weight = 1) => [{ content: adapter, weight }];

/** Every kind of row, each with a text of its own. */
const sequences: readonly Sequence[] = [
  [1, []],
  [1, only(contents.one)],
  [1, only(contents.eight)],
  [1, only(contents.eight)],
  [1, only(contents.nine, 0.5)],
  [1, only(contents.sixteen)],
  [1, only(contents.attention)],
  [1, only(contents.wide)],
  [1, only(contents.widest)],
  [1, only(contents.poison)],
  [1, only(contents.smallPoison)],
  [1, [...only(contents.eight, 0.3), ...only(contents.values, 1.5)]],
  [1, [...only(contents.three), ...only(contents.wide, -0.5), ...only(contents.sixteen, 2)]],
  [5, only(contents.odd)],
  [2, [...only(contents.one), ...only(contents.widest, 0.25)]],
  [23, only(contents.sixteen)],
  [3, []],
].map(([fresh, parts], index) => ({
  tokens: randomTokens(8 + 11 * index, config, 300 + index),
  fresh: fresh as number,
  parts: parts as Sequence['parts'],
}));

class Served {
  readonly packed = new Map<AdapterContent, PackedAdapter>();

  private constructor(readonly session: ServingSession) {
    const { packing } = session.adapters;
    for (const each of Object.values(contents)) this.packed.set(each, packAdapter(config, each, { packing }));
  }

  static async open(precision: 'float32' | 'int8', adapterPages = 64): Promise<Served> {
    return new Served(
      await ServingSession.open(config, weights, { maxLength, threads: 2, precision, adapterPages }),
    );
  }

  load({ parts }: Sequence): RowAdapter[] {
    return parts.map(({ content: each, weight }) => {
      const adapter = this.packed.get(each);
      if (!adapter) throw new Error('unknown adapter');
      this.session.adapters.load(adapter);
      return { adapter, weight };
    });
  }

  /** A step of these sequences in this order, after their earlier tokens from `before`. */
  async step(chosen: readonly Sequence[], before: ReadonlyMap<Sequence, KvCache>, tokens = 0) {
    const cache = new KvCache(config, chosen.length);
    for (const sequence of chosen) {
      const own = before.get(sequence);
      const row = cache.addRow();
      if (own) cache.appendRow(row, own, 0);
    }
    cache.reserve(tokens);
    const rows = chosen.map((sequence) => ({
      tokens: sequence.tokens.subarray(-sequence.fresh),
      adapters: this.load(sequence),
    }));
    return this.session.step(rows, cache, { hidden: true });
  }

  /** Caches of what every sequence has read before, each computed alone. */
  async before(): Promise<Map<Sequence, KvCache>> {
    const caches = new Map<Sequence, KvCache>();
    for (const sequence of sequences) {
      const tokens = sequence.tokens.subarray(0, -sequence.fresh);
      const step = await this.session.step([{ tokens, adapters: this.load(sequence) }]);
      const cache = new KvCache(config, 1);
      cache.append(cache.addRow(), step, 0, tokens.length);
      caches.set(sequence, cache);
    }
    return caches;
  }
}

/** All that a step gives for a row: logits, hidden states and the new keys and values. */
function rowOf(step: ServingStep, row: number, fresh: number): Float32Array[] {
  const part = (data: Float32Array, count: number) =>
    data.slice((row * data.length) / count, ((row + 1) * data.length) / count);
  const rows = step.logits.shape[0] ?? 0;
  const { kvHeadCount, headDim } = config;
  const cached = [...step.keys, ...step.values].flatMap(({ shape, data }) => {
    const time = shape[2] ?? 0;
    return Array.from({ length: kvHeadCount }, (_, head) => {
      const from = (row * kvHeadCount + head) * time * headDim;
      return data.slice(from, from + fresh * headDim);
    });
  });
  return [part(step.logits.data, rows), part(step.hidden?.data ?? new Float32Array(0), rows), ...cached];
}

/** Equal to the bit, or NaN in both. */
function isSame(a: Float32Array, b: Float32Array | undefined): boolean {
  return a.length === b?.length && a.every((value, at) => Object.is(value, b[at]));
}

describe('rows of an 8-bit batch', () => {
  let served: Served;
  let before: ReadonlyMap<Sequence, KvCache>;
  const alone = new Map<Sequence, Float32Array[]>();
  beforeAll(async () => {
    served = await Served.open('int8');
    before = await served.before();
    for (const sequence of sequences) {
      const step = await served.step([sequence], before);
      alone.set(sequence, rowOf(step, 0, sequence.fresh));
    }
  });
  afterAll(() => served.session.release());

  it.each(Array.from({ length: 30 }, (_, seed) => seed))(
    'are the same to the bit alone and in any mix (%i)',
    async (seed) => {
      const random = seededRandom(500 + seed);
      const pick = (below: number): number => Math.floor(random() * below);
      // Other places for every adapter, with holes between them.
      const order = [...served.packed.values()].sort(() => random() - 0.5);
      for (const adapter of order) if (random() < 0.5) served.session.adapters.unload(adapter);
      for (const adapter of order.reverse()) if (random() < 0.5) served.session.adapters.load(adapter);
      const chosen = Array.from({ length: 1 + pick(9) }, () => sequences[pick(sequences.length)]).flatMap(
        (sequence) => sequence ?? [],
      );
      // The same text twice is two rows.
      const room = [0, 200, 384][pick(3)];
      let step = await served.step(chosen, before, room);
      // A batch that comes back finds its adapters moved.
      for (let again = pick(2) * 3; again > 0; again -= 1) step = await served.step(chosen, before, room);
      const others = chosen.filter((sequence, row) => {
        const found = rowOf(step, row, sequence.fresh);
        return !(alone.get(sequence) ?? []).every((values, at) => isSame(values, found[at]));
      });
      expect(others.map((sequence) => sequences.indexOf(sequence))).toEqual([]);
    },
  );

  it('overflow only where the adapter does', () => {
    for (const sequence of sequences) {
      const isPoisoned = sequence.parts.some(({ content: each }) =>
        [contents.poison, contents.smallPoison].includes(each),
      );
      const [logits] = alone.get(sequence) ?? [];
      expect(logits?.every(Number.isFinite)).toBe(!isPoisoned);
    }
  });

  it('are what they are without other adapters in the session', async () => {
    const bare = await Served.open('int8', 0);
    try {
      for (const sequence of sequences.filter(({ parts }) => parts.length === 0)) {
        const step = await bare.step([sequence], before);
        const [logits] = rowOf(step, 0, sequence.fresh);
        expect(isSame(alone.get(sequence)?.[0] ?? new Float32Array(0), logits)).toBe(true);
      }
    } finally {
      await bare.session.release();
    }
  });
});

describe('rows of a float32 batch', () => {
  let served: Served;
  let before: ReadonlyMap<Sequence, KvCache>;
  beforeAll(async () => {
    served = await Served.open('float32');
    before = await served.before();
  });
  afterAll(() => served.session.release());

  it('choose the same tokens alone and together', async () => {
    const finite = sequences.filter(({ parts }) =>
      parts.every(({ content: each }) => each !== contents.poison && each !== contents.smallPoison),
    );
    const together = await served.step(sequences, before);
    for (const sequence of finite) {
      const [alone] = rowOf(await served.step([sequence], before), 0, sequence.fresh);
      const [mixed] = rowOf(together, sequences.indexOf(sequence), sequence.fresh);
      expect(mixed?.indexOf(Math.max(...mixed))).toBe(alone?.indexOf(Math.max(...alone)));
      expect(largestDifference(mixed ?? [], alone ?? [])).toBeLessThan(2e-3);
    }
  });

  it.each([0, 1, 2, 4, 5, 6, 7, 8, 11, 12, 13, 14])(
    'are those of one adapter that has the ranks of all (%i)',
    async (index) => {
      const sequence = sequences[index] as Sequence;
      const cache = new KvCache(config, 1);
      cache.addRow();
      const step = await served.session.step([{ tokens: sequence.tokens, adapters: served.load(sequence) }]);
      const merged = mergedParts(sequence);
      const scorer = await Scorer.open(config, weights, {
        maxLength,
        threads: 1,
        ...(merged ? { lora: merged.config } : {}),
      });
      const { data } = await scorer.logits([sequence.tokens], merged?.weights);
      await scorer.release();
      const end = sequence.tokens.length * config.vocabSize;
      const expected = data.slice(end - config.vocabSize, end);
      const scale = Math.max(1, ...expected.map(Math.abs));
      expect(largestDifference(step.logits.data, expected) / scale).toBeLessThan(1e-4);
    },
  );

  it('give hidden states that add up over tokens and lead to the logits', async () => {
    const tokens = randomTokens(6, config, 77);
    const { hidden } = await served.session.step([{ tokens }], undefined, { hidden: true });
    const cache = new KvCache(config, 1);
    cache.addRow();
    const sum = new Float32Array(config.hiddenSize);
    for (const token of tokens) {
      const step = await served.session.step([{ tokens: [token] }], cache, { hidden: true });
      cache.append(0, step, 0, 1);
      for (const [at, value] of (step.hidden?.data ?? []).entries()) sum[at] = (sum[at] ?? 0) + value;
    }
    expect(hidden?.shape).toEqual([1, config.hiddenSize]);
    expect(largestDifference(hidden?.data ?? [], sum)).toBeLessThan(1e-3);
    const plain = await served.session.step([{ tokens }]);
    expect(plain.hidden).toBeUndefined();
  });
});

/** One adapter of all ranks of a row's adapters, with their weights in B. */
function mergedParts({ parts }: Sequence): AdapterContent | undefined {
  if (parts.length === 0) return undefined;
  const rank = parts.reduce((sum, { content: each }) => sum + each.config.rank, 0);
  const lora: LoraConfig = { rank, alpha: rank, targetModules };
  const merged: LoraWeights = new Map();
  for (const [name, shape] of loraShapes(config, lora)) {
    const [rows = 0, columns = 0] = shape;
    const data = new Float32Array(rows * columns);
    let from = 0;
    for (const { content: each, weight } of parts) {
      const source = each.weights.get(name)?.data;
      const own = each.config.rank;
      const isA = name.endsWith('lora_A.weight');
      if (source && isA) data.set(source, from * columns);
      const scale = (weight * each.config.alpha) / own;
      for (const [at, value] of source && !isA ? source.entries() : []) {
        data[Math.floor(at / own) * rank + from + (at % own)] = value * scale;
      }
      from += own;
    }
    merged.set(name, { shape, data });
  }
  return { config: lora, weights: merged };
}

describe('a packed adapter', () => {
  it.each(['BF16', 'F16', 'F32'] as const)('takes no more memory than its %s file', (dtype) => {
    for (const [rank, modules] of [
      [16, targetModules],
      [5, ['q_proj', 'v_proj']],
      [1, ['down_proj']],
    ] as const) {
      const lora = { rank, alpha: rank, targetModules: modules };
      const original = tinyLora(config, lora, 3);
      const coarse = new Map(
        [...original].map(([name, { shape, data }]) => {
          const rounded = data.map((value) => Math.round(value * 64) / 64);
          return [name, { shape, data: dtype === 'F32' ? data : rounded }];
        }),
      );
      const file = encodeSafetensors(coarse, { dtype });
      for (const packing of ['int8', 'float32'] as const) {
        const adapter = packAdapter(config, { config: lora, weights: coarse }, { packing });
        expect(adapter.bytes).toBeLessThanOrEqual(1.05 * file.length);
        const sizes = packedBuffers(adapter).map(({ byteLength }) => byteLength);
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(adapter.bytes);
      }
    }
  });

  it('refuses shapes of another model and values that are not finite', () => {
    const adapter = ofRank(4);
    const how = { packing: 'int8' } as const;
    expect(() => packAdapter(tinyModels.llama, adapter, how)).toThrow(
      expect.objectContaining({ code: 'ADAPTER_SHAPE' }),
    );
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const broken = ofRank(4);
      broken.weights.get('model.layers.1.mlp.up_proj.lora_B.weight')?.data.set([value], 5);
      expect(() => packAdapter(config, broken, how)).toThrow(
        expect.objectContaining({ code: 'ADAPTER_NOT_FINITE' }),
      );
    }
  });
});

describe('an adapter pool', () => {
  it('takes adapters as long as pages are free, wherever the holes are', async () => {
    const { session, packed } = await Served.open('int8', 25);
    const pool = session.adapters;
    const random = seededRandom(9);
    const all = [...packed.values()];
    for (let turn = 0; turn < 300; turn += 1) {
      const adapter = all[Math.floor(random() * all.length)] as PackedAdapter;
      if (pool.has(adapter)) pool.unload(adapter);
      else if (adapter.pages <= pool.pagesFree) pool.load(adapter);
      else expect(() => pool.load(adapter)).toThrow(expect.objectContaining({ code: 'ADAPTER_POOL_FULL' }));
      const runs = all.filter((each) => pool.has(each)).map((each) => pool.placeOf(each));
      const pages = runs.flatMap(({ first, count }) => Array.from({ length: count }, (_, at) => first + at));
      expect(new Set(pages).size).toBe(pages.length);
      expect(Math.max(-1, ...pages)).toBeLessThan(pool.pageCount);
      expect(pool.pagesFree).toBe(pool.pageCount - pages.length);
    }
    await session.release();
  });

  it('does not move while a step reads it, and takes only its own packing', async () => {
    const { session, packed } = await Served.open('int8', 8);
    const adapter = packed.get(contents.eight) as PackedAdapter;
    session.adapters.load(adapter);
    const step = session.step([{ tokens: [1], adapters: [{ adapter, weight: 1 }] }]);
    expect(() => session.adapters.unload(adapter)).toThrow('while a step reads');
    await step;
    session.adapters.unload(adapter);
    await expect(session.step([{ tokens: [1], adapters: [{ adapter, weight: 1 }] }])).rejects.toThrow(
      'not loaded',
    );
    const other = packAdapter(config, contents.eight, { packing: 'float32' });
    expect(() => session.adapters.load(other)).toThrow(expect.objectContaining({ code: 'ADAPTER_PACKING' }));
    await session.release();
  });
});
