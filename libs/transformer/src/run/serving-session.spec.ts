import { largestDifference, randomTokens, tinyLora, tinyModels, tinyWeights } from '../../test/tiny-model.js';
import type { LoraConfig } from '../model.js';
import { targetModules } from '../model.js';
import type { RowAdapter } from './adapter-cells.js';
import { KvCache } from './kv-cache.js';
import { type AdapterContent, packAdapter } from './packed-adapter.js';
import { Scorer } from './scorer.js';
import { type ServingRow, ServingSession } from './serving-session.js';

const config = tinyModels.mistral;
const weights = tinyWeights(config);
const adapterPages = 6;
const maxLength = 192;

function adapter(lora: LoraConfig, seed: number): AdapterContent {
  return { config: lora, weights: tinyLora(config, lora, seed) };
}
const wide = adapter({ rank: 4, alpha: 8, targetModules }, 21);
const narrow = adapter({ rank: 2, alpha: 6, targetModules: ['q_proj', 'v_proj'] }, 22);

/** Loads an adapter where it is not and names it for a row; nothing for the base model. */
function use(session: ServingSession, content?: AdapterContent): { adapters?: readonly RowAdapter[] } {
  if (!content) return {};
  const packing = session.adapters.packing;
  const known = packed.get(packing) ?? new Map<AdapterContent, RowAdapter>();
  packed.set(packing, known);
  const row = known.get(content) ?? { adapter: packAdapter(config, content, { packing }), weight: 1 };
  known.set(content, row);
  session.adapters.load(row.adapter);
  return { adapters: [row] };
}
const packed = new Map<string, Map<AdapterContent, RowAdapter>>();

/** Logits after the last token, computed from the whole sequence at once. */
async function reference(tokens: Int32Array, served?: AdapterContent): Promise<Float32Array> {
  const scorer = await Scorer.open(config, weights, {
    maxLength,
    threads: 1,
    ...(served ? { lora: served.config } : {}),
  });
  try {
    const { data } = await scorer.logits([tokens], served?.weights);
    return data.slice((tokens.length - 1) * config.vocabSize, tokens.length * config.vocabSize);
  } finally {
    await scorer.release();
  }
}

describe('ServingSession', () => {
  let session: ServingSession;
  beforeAll(async () => {
    session = await ServingSession.open(config, weights, { maxLength, threads: 1, adapterPages });
  });
  afterAll(() => session.release());

  const rowLogits = (logits: Float32Array, row: number): Float32Array =>
    logits.slice(row * config.vocabSize, (row + 1) * config.vocabSize);

  it('gives every row of a mixed batch what its adapter alone gives', async () => {
    const sequences = [9, 17, 5, 17].map((length, row) => randomTokens(length, config, 30 + row));
    const adapters = [wide, undefined, narrow, wide];
    const rows = sequences.map((tokens, row): ServingRow => ({ tokens, ...use(session, adapters[row]) }));
    const { logits } = await session.step(rows);
    for (const [row, tokens] of sequences.entries()) {
      const expected = await reference(tokens, adapters[row]);
      expect(largestDifference(rowLogits(logits.data, row), expected)).toBeLessThan(1e-4);
    }
  });

  it('adapters change the answer', async () => {
    const tokens = randomTokens(12, config, 40);
    const { logits } = await session.step([
      { tokens, ...use(session, wide) },
      { tokens, ...use(session, narrow) },
      { tokens },
    ]);
    const base = rowLogits(logits.data, 2);
    expect(largestDifference(rowLogits(logits.data, 0), base)).toBeGreaterThan(0.1);
    expect(largestDifference(rowLogits(logits.data, 1), base)).toBeGreaterThan(0.1);
  });

  it('decodes with a cache exactly as it reads whole sequences, across growth of the cache', async () => {
    const adapters = [narrow, undefined, wide];
    const sequences = [140, 20, 133].map((length, row) => randomTokens(length, config, 50 + row));
    const prompts = [125, 11, 120];
    const cache = new KvCache(config, 4);
    for (const [row, tokens] of sequences.entries()) {
      const prompt = tokens.subarray(0, prompts[row]);
      const prefill = await session.step([{ tokens: prompt, ...use(session, adapters[row]) }]);
      cache.append(cache.addRow(), prefill, 0, prompt.length);
    }
    let logits = new Float32Array(0);
    for (let step = 0; step < 9; step += 1) {
      const rows = sequences.map((tokens, row): ServingRow => {
        const at = (prompts[row] ?? 0) + step;
        return { tokens: tokens.subarray(at, at + 1), ...use(session, adapters[row]) };
      });
      const result = await session.step(rows, cache);
      for (const row of rows.keys()) cache.append(row, result, row, 1);
      logits = Float32Array.from(result.logits.data);
    }
    expect(cache.capacity).toBe(256);
    for (const [row, tokens] of sequences.entries()) {
      const expected = await reference(tokens.subarray(0, (prompts[row] ?? 0) + 9), adapters[row]);
      expect(largestDifference(rowLogits(logits, row), expected)).toBeLessThan(1e-4);
    }
  });

  it('continues a long prompt in parts of different lengths', async () => {
    const long = randomTokens(40, config, 60);
    const short = randomTokens(13, config, 61);
    const cache = new KvCache(config, 2);
    const first = await session.step([
      { tokens: long.subarray(0, 30), ...use(session, wide) },
      { tokens: short.subarray(0, 4) },
    ]);
    cache.append(cache.addRow(), first, 0, 30);
    cache.append(cache.addRow(), first, 1, 4);
    const { logits } = await session.step(
      [{ tokens: long.subarray(30), ...use(session, wide) }, { tokens: short.subarray(4) }],
      cache,
    );
    expect(largestDifference(rowLogits(logits.data, 0), await reference(long, wide))).toBeLessThan(1e-4);
    expect(largestDifference(rowLogits(logits.data, 1), await reference(short))).toBeLessThan(1e-4);
  });

  it('keeps the other rows when one leaves', async () => {
    const sequences = [8, 9, 10].map((length, row) => randomTokens(length, config, 70 + row));
    const cache = new KvCache(config, 3);
    for (const tokens of sequences) {
      const prefill = await session.step([{ tokens: tokens.subarray(0, -1) }]);
      cache.append(cache.addRow(), prefill, 0, tokens.length - 1);
    }
    expect(cache.removeRow(0)).toBe(2);
    const kept = [sequences[2], sequences[1]].flatMap((tokens) => tokens ?? []);
    const { logits } = await session.step(
      kept.map((tokens) => ({ tokens: tokens.subarray(-1) })),
      cache,
    );
    for (const [row, tokens] of kept.entries()) {
      expect(largestDifference(rowLogits(logits.data, row), await reference(tokens))).toBeLessThan(1e-4);
    }
  });

  it('keeps an adapter that overflows inside its own row, also after the row has left', async () => {
    const poisoned = adapter({ rank: 4, alpha: 8, targetModules }, 23);
    for (const { data } of poisoned.weights.values()) data.fill(3e38);
    const sequences = [6, 15, 9, 4].map((length, row) => randomTokens(length, config, 110 + row));
    const adapters = [narrow, wide, undefined, poisoned];
    const rows = sequences.map((tokens, row): ServingRow => {
      return { tokens: tokens.subarray(0, -1), ...use(session, adapters[row]) };
    });
    const cache = new KvCache(config, 4);
    const prefill = await session.step(rows);
    expect(rowLogits(prefill.logits.data, 3).some(Number.isNaN)).toBe(true);
    for (const [row, { tokens }] of rows.entries()) cache.append(cache.addRow(), prefill, row, tokens.length);
    expect(cache.removeRow(3)).toBeUndefined();
    const order = [0, 1, 2];
    const fresh = randomTokens(5, config, 120);
    cache.addRow();
    const next = order.map((row): ServingRow => {
      return { tokens: sequences[row]?.subarray(-1) ?? [], ...use(session, adapters[row]) };
    });
    const { logits } = await session.step([...next, { tokens: fresh, ...use(session, wide) }], cache);
    for (const [at, row] of order.entries()) {
      const expected = await reference(sequences[row] ?? new Int32Array(0), adapters[row]);
      expect(largestDifference(rowLogits(logits.data, at), expected)).toBeLessThan(1e-4);
    }
    expect(largestDifference(rowLogits(logits.data, 3), await reference(fresh, wide))).toBeLessThan(1e-4);
  });

  it('finds adapters again however the batch changes', async () => {
    const adapters = [wide, narrow, adapter({ rank: 3, alpha: 3, targetModules: ['up_proj'] }, 24)];
    const tokens = randomTokens(7, config, 130);
    const expected = await Promise.all(adapters.map((served) => reference(tokens, served)));
    for (const order of [[0], [1, 0], [2], [1, 2, 0], [0, 2], [], [2, 1], [0, 0, 1]]) {
      const rows = order.map((index): ServingRow => {
        return { tokens, ...use(session, adapters[index]) };
      });
      const { logits } = await session.step([...rows, { tokens }]);
      for (const [row, index] of order.entries()) {
        const wanted = expected[index] ?? new Float32Array(0);
        expect(largestDifference(rowLogits(logits.data, row), wanted)).toBeLessThan(1e-4);
      }
    }
  });

  it('refuses an adapter larger than its pool and a sequence beyond its context', async () => {
    const large = adapter({ rank: 49, alpha: 8, targetModules: ['q_proj'] }, 80);
    expect(() => use(session, large)).toThrow(expect.objectContaining({ code: 'ADAPTER_POOL_FULL' }));
    await expect(session.step([{ tokens: randomTokens(maxLength + 1, config, 82) }])).rejects.toMatchObject({
      code: 'CONTEXT_LENGTH_EXCEEDED',
    });
  });
});

describe('ServingSession with 8-bit linear layers', () => {
  let session: ServingSession;
  beforeAll(async () => {
    session = await ServingSession.open(config, weights, {
      maxLength,
      threads: 1,
      adapterPages,
      precision: 'int8',
    });
  });
  afterAll(() => session.release());

  it('stays near full precision', async () => {
    const tokens = randomTokens(30, config, 90);
    const { logits } = await session.step([{ tokens, ...use(session, wide) }]);
    const expected = await reference(tokens, wide);
    const error = Math.hypot(...logits.data.map((value, i) => value - (expected[i] ?? 0)));
    expect(error / Math.hypot(...expected)).toBeLessThan(0.05);
    expect(error).toBeGreaterThan(0);
  });

  it('answers a row the same to the bit, alone or among others', async () => {
    const rows = [14, 14, 14, 14].map((length, row) => ({ tokens: randomTokens(length, config, 100 + row) }));
    const together = await session.step(rows);
    for (const [row, each] of rows.entries()) {
      const alone = await session.step([each]);
      const width = config.vocabSize;
      expect(together.logits.data.slice(row * width, (row + 1) * width)).toEqual(alone.logits.data);
    }
  });
});
