import type { EngineThread } from '@openledger/inference-worker/engine';
import { seededRandom } from '@openledger/transformer';
import { type Bench, median } from '../bench.js';
import { withLayers } from './random-model.js';
import { ask, exponential, openEngine, type Question, randomPrompt } from './worker-engine.js';

const LAYERS = 4;
const ROWS = 8;
const QUESTIONS = 56;
const ROUNDS = 2;
/** Answers as long as people get them: most are short, some are very long. */
const ANSWER_MEAN = 64;
const [ANSWER_MIN, ANSWER_MAX] = [4, 256];

type Serve = (engine: EngineThread, questions: readonly Question[]) => Promise<unknown>;

const allAtOnce: Serve = (engine, questions) =>
  Promise.all(questions.map((question) => ask(engine, question)));

/** The next batch begins when the last one has ended. */
const inBatches =
  (prepare: (batch: readonly Question[]) => readonly Question[]): Serve =>
  async (engine, questions) => {
    for (let first = 0; first < questions.length; first += ROWS) {
      await allAtOnce(engine, prepare(questions.slice(first, first + ROWS)));
    }
  };

/** Rows whose answers have ended are computed on, as in a tensor of fixed shape. */
function padded(batch: readonly Question[]): readonly Question[] {
  const answerTokens = Math.max(...batch.map((question) => question.answerTokens));
  return batch.map((question) => ({ ...question, answerTokens }));
}

const variants: Readonly<Record<string, Serve>> = {
  continuous: allAtOnce,
  static: inBatches(padded),
  staticLeaving: inBatches((batch) => batch),
};

/** What it is worth that a row is taken by the next request as soon as its answer ends. */
export const servingContinuous: Bench = {
  name: 'serving.continuous',
  summary: 'continuous batching against static batches, answers of mixed lengths',
  async run({ log }) {
    const model = withLayers(LAYERS);
    const random = seededRandom(11);
    const questions = Array.from({ length: QUESTIONS }, () => ({
      tokens: randomPrompt(16 + Math.floor(48 * random()), random, model.vocabSize),
      answerTokens: Math.round(Math.min(ANSWER_MAX, Math.max(ANSWER_MIN, exponential(ANSWER_MEAN, random)))),
    }));
    const tokens = questions.reduce((sum, { answerTokens }) => sum + answerTokens, 0);
    const engine = await openEngine(model, { rowsMax: ROWS });
    try {
      await allAtOnce(engine, questions.slice(0, ROWS));
      const rates = new Map<string, number[]>();
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const [name, serve] of Object.entries(variants)) {
          const begun = performance.now();
          await serve(engine, questions);
          const rate = (1_000 * tokens) / (performance.now() - begun);
          rates.set(name, [...(rates.get(name) ?? []), rate]);
          log(`${name}: ${rate.toFixed(0)} tokens/s`);
        }
      }
      const rate = (name: string) => median(rates.get(name) ?? []);
      return {
        ratio: rate('continuous') / rate('static'),
        ratio_where_ended_rows_leave: rate('continuous') / rate('staticLeaving'),
        continuous_tokens_per_s: rate('continuous'),
        static_tokens_per_s: rate('static'),
        rows: ROWS,
        layers: LAYERS,
        answer_tokens_mean: tokens / QUESTIONS,
      };
    } finally {
      await engine.stop();
    }
  },
};
