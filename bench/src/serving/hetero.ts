import { type PackedAdapter, targetModules } from '@openledger/transformer';
import { type Bench, quantile } from '../bench.js';
import { attentionModules, halfBillion, type RandomAdapterShape } from './random-model.js';
import { PRECISION, ResidentEngine } from './resident-engine.js';

const ROWS = 8;
const PAST = 512;
const THREADS = 2;
const ROUNDS = 30;
const STEPS = 3;

const kinds = {
  r16_all: { rank: 16, targetModules, pages: 2 },
  r8_all: { rank: 8, targetModules, pages: 1 },
  r16_attn: { rank: 16, targetModules: attentionModules, pages: 2 },
} as const satisfies Record<string, Omit<RandomAdapterShape, 'seed'> & { readonly pages: number }>;

/** Decoding with a different adapter in every row, against the same engine without adapters. */
export const servingHetero: Bench = {
  name: 'serving.hetero',
  summary: `tokens/s of ${ROWS} rows with ${ROWS} distinct adapters over tokens/s without, int8, ${PAST} tokens past`,
  async run({ log }) {
    const pages = Object.values(kinds).reduce((sum, kind) => sum + ROWS * kind.pages, 0);
    const engine = await ResidentEngine.open(halfBillion, {
      adapterPages: pages,
      threads: THREADS,
      past: PAST,
    });
    const variants = new Map<string, readonly (PackedAdapter | undefined)[]>([
      ['none', Array.from({ length: ROWS }, () => undefined)],
    ]);
    for (const [name, kind] of Object.entries(kinds)) {
      variants.set(
        name,
        Array.from({ length: ROWS }, (_, seed) => engine.load({ ...kind, seed: seed + 1 })),
      );
    }
    const distinct = variants.get('r16_all') ?? [];
    variants.set(
      'r16_all_s4',
      distinct.map((_, row) => distinct[row >> 1]),
    );
    variants.set(
      'r16_all_s1',
      distinct.map(() => distinct[0]),
    );
    const cache = engine.rows(ROWS);
    const times = new Map([...variants.keys()].map((name) => [name, [] as number[]]));
    for (let round = 0; round <= ROUNDS; round += 1) {
      // No variant always comes at the same moment of a round.
      const turn = round % variants.size;
      const entries = [...variants];
      for (const [name, adapters] of [...entries.slice(turn), ...entries.slice(0, turn)]) {
        for (let step = 0; step < STEPS; step += 1) {
          const elapsed = await engine.step(cache, adapters);
          // The first round warms memory up.
          if (round > 0) times.get(name)?.push(elapsed);
        }
      }
      if (round % 10 === 0) log(`round ${round}/${ROUNDS}`);
    }
    await engine.release();
    const steps = new Map([...times].map(([name, values]) => [name, quantile(values, 0.25)]));
    const base = steps.get('none') ?? Number.NaN;
    const figures: Record<string, unknown> = {};
    for (const [name, ms] of steps) if (name !== 'none') figures[name] = base / ms;
    for (const [name, ms] of steps) figures[`${name}_tokens_per_s`] = (ROWS * 1_000) / ms;
    return { ...figures, rows: ROWS, past: PAST, threads: THREADS, precision: PRECISION };
  },
};
