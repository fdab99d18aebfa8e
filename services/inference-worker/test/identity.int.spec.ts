import { seededRandom } from '@openledger/transformer';
import { type Asked, bytes, EngineFixture, weighted, wholeAnswer } from './engine-fixture.js';

/** A request drawn at random: shared prefixes, several adapters, every kind of sampling. */
function draw(random: () => number, index: number): Asked {
  const below = (limit: number) => Math.floor(random() * limit);
  const prefix = 'You are a careful assistant. Answer in one sentence. '.repeat(6);
  const start = prefix.slice(0, [0, 0, 64, 128, 200, 300][below(6)]);
  const seeds = Array.from({ length: [0, 1, 1, 1, 2, 3][below(6)] ?? 0 }, () => below(12));
  return {
    tokens: bytes(`${start}question ${index} ${'and more '.repeat(below(9))}`),
    tenant: ['', '', 'a', 'b'][below(4)] ?? '',
    adapters: weighted(...[...new Set(seeds)].map((seed) => [seed, [1, 0.5, 1.25][below(3)] ?? 1] as const)),
    sampling: {
      maxTokens: 1 + below(40),
      temperature: below(3) === 0 ? 0.9 : 0,
      seed: below(1_000),
      ignoreEos: below(2) === 0,
      ...(below(4) === 0 ? { presencePenalty: 0.7, repetitionPenalty: 1.1 } : {}),
    },
    embed: below(8) === 0,
  };
}

describe.each(['float32', 'int8'] as const)('answers in %s', (precision) => {
  let alone: EngineFixture;
  let crowd: EngineFixture;
  beforeAll(async () => {
    alone = await EngineFixture.open({ precision, rowsMax: 1, prefixCacheBytes: 0 });
    // Room in the pool for two or three rows with adapters, and memory for few blocks and few adapters.
    crowd = await EngineFixture.open({
      precision,
      adapterPages: 4,
      adapterCacheBytes: 5 * 15_000,
      prefixCacheBytes: 48 * 16_384,
    });
  });
  afterAll(() => Promise.all([alone.release(), crowd.release()]));

  it('are the same to the last bit alone and in a crowd that comes, pauses and goes', async () => {
    const random = seededRandom(precision === 'int8' ? 5 : 3);
    const ids = new Map<number, Asked>();
    const stopped = new Set<number>();
    const gone = new Set<number>();
    const paused = new Set<number>();
    const pick = () => [...ids.keys()][Math.floor(random() * ids.size)] ?? 0;
    for (let index = 0; index < 110; index += 1) {
      const asked = draw(random, index);
      ids.set(crowd.ask(asked), asked);
      const chance = random();
      const id = pick();
      if (crowd.hasEnded(id) || gone.has(id) || stopped.has(id)) continue;
      if (chance < 0.08) {
        gone.add(id);
        crowd.order({ kind: 'cancel', id });
      } else if (chance < 0.15 && !ids.get(id)?.embed) {
        stopped.add(id);
        crowd.order({ kind: 'stop', id });
      } else if (chance < 0.3) {
        paused.add(id);
        crowd.order({ kind: 'pause', id });
      }
      await crowd.tick(Math.floor(random() * 6));
      for (const held of paused) if (random() < 0.3) crowd.order({ kind: 'resume', id: held });
    }
    for (const id of paused) crowd.order({ kind: 'resume', id });
    await crowd.untilIdle();

    for (const [id, asked] of ids) {
      if (gone.has(id)) continue;
      const [here, there] = [crowd.of(id), await alone.answer(asked)];
      expect(here.error).toBeUndefined();
      if (asked.embed) {
        expect(here.embedding).toEqual(there.embedding);
        continue;
      }
      const [answer, expected] = [wholeAnswer(here), wholeAnswer(there)];
      if (answer.finishReason === 'cancelled') {
        expect(stopped).toContain(id);
        const { length } = answer.tokens;
        expect(answer.tokens).toEqual(expected.tokens.slice(0, length));
        expect(answer.logprobs).toEqual(expected.logprobs.slice(0, length));
      } else expect(answer).toEqual(expected);
      const digests = asked.adapters?.map(({ reference }) => reference.digest) ?? [];
      if (here.pieces.some(({ tokens }) => tokens.length > 0)) {
        expect(here.pieces[0]?.adapterDigests).toEqual(digests);
      }
    }
    // The crowd was one: prefixes were found, rows gave way, adapters came and went.
    expect(crowd.batch.blocks.hitTokens).toBeGreaterThan(300);
    expect(crowd.batch.preemptions).toBeGreaterThan(0);
    expect(stopped.size * gone.size * paused.size).toBeGreaterThan(0);
  }, 120_000);

  it('leave nothing behind', () => {
    const { batch } = crowd;
    expect([batch.running, batch.waiting, batch.tokensLeft, batch.kvUsage]).toEqual([[], [], 0, 0]);
    const sizeOf = (of: object, name: string) => (Reflect.get(of, name) as { size: number }).size;
    expect([sizeOf(batch, 'rows'), sizeOf(batch, 'paused'), sizeOf(crowd.engine, 'waiting')]).toEqual([
      0, 0, 0,
    ]);
    expect((Reflect.get(batch, 'counters') as { tenants: number }).tenants).toBe(0);
    const adapters = Reflect.get(crowd.engine, 'adapters') as object;
    expect([sizeOf(adapters, 'requests'), sizeOf(adapters, 'taken')]).toEqual([0, 0]);
    const pages = Reflect.get(adapters, 'pages') as object;
    const pooled = [...(Reflect.get(pages, 'pooled') as Map<unknown, { users: number }>).values()];
    expect(pooled.every(({ users }) => users === 0)).toBe(true);
    expect(batch.blocks.bytes).toBeLessThanOrEqual(48 * 16_384);
  });
});
