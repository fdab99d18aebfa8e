import { type Bench, type BenchContext, median } from '../bench.js';
import { withLayers } from '../serving/random-model.js';
import { type CostBed, randomCostBed, seedlingCostBed } from './cost-bed.js';
import { CostRun } from './cost-run.js';

const RANDOM_LAYERS = 4;
const MIB = 1_024 * 1_024;

interface Plan {
  readonly bed: () => Promise<CostBed>;
  /** How the worker computes; `auto` is what it does by itself. */
  readonly precision: 'auto' | 'int8';
  /** Answers in tokens. */
  readonly lengths: readonly number[];
  readonly rounds: number;
  /** Retrieved chunks of answers that are measured beside. */
  readonly chunks: readonly number[];
}

const plans: readonly (Plan & { readonly prefix: string })[] = [
  {
    prefix: '',
    bed: seedlingCostBed,
    precision: 'auto',
    lengths: [60, 200],
    rounds: 24,
    chunks: [3, 8],
  },
  {
    prefix: 'half_billion_',
    bed: () => randomCostBed(withLayers(RANDOM_LAYERS), 8),
    precision: 'int8',
    lengths: [60],
    rounds: 4,
    chunks: [],
  },
];

/** What it takes to say who explains an answer, against what it took to give it. */
export const attributionCost: Bench = {
  name: 'attribution.cost',
  summary: 'processor time of attributing an answer against that of giving it in the serving engine',
  async run(context) {
    const figures: Record<string, number> = {};
    for (const { prefix, ...plan } of plans) {
      for (const [name, value] of Object.entries(await measured(plan, context))) {
        figures[`${prefix}${name}`] = value;
      }
    }
    return { ...figures, half_billion_layers: RANDOM_LAYERS, threads: 1 };
  },
};

async function measured(plan: Plan, { log }: BenchContext): Promise<Record<string, number>> {
  const bed = await plan.bed();
  const run = await CostRun.open(bed, {
    contextTokensMax: Math.min(1_024, bed.base.config.maxPositions),
    adapterPages: 8,
    adapterCacheBytes: 64 * MIB,
    kernels: { precision: plan.precision, provider: 'cpu', planDir: undefined },
  });
  try {
    const { result: index, cpuMs, bytes, projectionBytes } = await run.build();
    log(`indexed ${index.records} records in ${cpuMs.toFixed(0)} ms`);
    const answers = await answersOf(plan, bed, { run, log });
    return {
      ...answers,
      ...(await chunkTimes(plan, bed, run)),
      index_ms_per_record: cpuMs / index.records,
      index_records: index.records,
      index_bytes: bytes,
      index_projection_bytes: projectionBytes,
      index_vector_bytes_per_record: (bytes - projectionBytes) / index.records,
      parameters: index.parameters,
    };
  } finally {
    await run.close();
  }
}

/** Gives and attributes in turns, so that both meet the same machine. */
async function answersOf(
  { lengths, rounds }: Plan,
  { source }: CostBed,
  { run, log }: { readonly run: CostRun; readonly log: (line: string) => void },
): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  let worst = 0;
  for (const tokens of lengths) {
    const given: number[] = [];
    const attributed: number[] = [];
    const elapsed: number[] = [];
    for (let round = -1; round < rounds; round++) {
      const { prompt = '' } = source.heldOut.at(round % source.heldOut.length) ?? {};
      const answer = await run.ask({ prompt, chunks: [], tokens });
      const score = await run.score(answer.result);
      if (round < 0) continue;
      given.push(answer.cpuMs);
      attributed.push(score.cpuMs);
      elapsed.push(score.elapsedMs);
    }
    const ratio = median(attributed) / median(given);
    worst = Math.max(worst, ratio);
    figures[`ratio_${tokens}_tokens`] = ratio;
    figures[`answer_ms_${tokens}_tokens`] = median(given);
    figures[`score_ms_${tokens}_tokens`] = median(attributed);
    figures[`score_elapsed_ms_${tokens}_tokens`] = median(elapsed);
    log(
      `${tokens} tokens: ${median(given).toFixed(1)} ms to answer, ${median(attributed).toFixed(1)} ms to attribute`,
    );
  }
  return { ratio_to_answer: worst, ...figures };
}

async function chunkTimes(
  { chunks, lengths, rounds }: Plan,
  { source }: CostBed,
  run: CostRun,
): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const count of chunks) {
    const texts = source.records.slice(0, count).map(({ completion }) => completion);
    const { prompt = '' } = source.heldOut[0] ?? {};
    const answer = await run.ask({ prompt, chunks: texts, tokens: lengths[0] ?? 0 });
    const times: number[] = [];
    for (let round = 0; round < rounds / 4; round++) times.push((await run.score(answer.result)).cpuMs);
    figures[`score_ms_${count}_chunks`] = median(times);
  }
  return figures;
}
