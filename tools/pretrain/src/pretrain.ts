import { join } from 'node:path';
import { type Tensor, Trainer } from '@openledger/transformer';
import type { Plan } from './plan.js';
import { ProgressBar } from './progress-bar.js';
import { makeTrainingData, phaseBatches, type TrainingData } from './training-data.js';

export interface PretrainOptions {
  /** Checkpoints go into a folder of this one, named after the plan and the text. */
  readonly cache: string;
  readonly threads: number;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal;
  /** Where to draw the progress bar. */
  readonly progress?: NodeJS.WritableStream;
  /** Called after every step with the number of steps done in its phase. */
  readonly onStep?: (step: number) => void;
}

export interface Pretrained {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly data: TrainingData;
}

/** Steps between measurements of the held-out loss. */
const evaluateEvery = 400;
const checkpointEvery = 100;
/** Share of the last step in the loss that is shown. */
const smoothing = 0.05;

/** Makes the text and the tokenizer, then trains every weight, from the last checkpoint where there is one. */
export async function pretrain(plan: Plan, options: PretrainOptions): Promise<Pretrained> {
  options.log(`Rendering ${plan.trainingDocuments} documents …`);
  const data = makeTrainingData(plan);
  options.log(
    `${data.text.length} tokens of text, ${data.exercises.length} of exercises, ${data.heldOut.tokens} held out.`,
  );
  let tensors: ReadonlyMap<string, Tensor> | undefined;
  for (const index of plan.phases.keys()) tensors = await runPhase({ plan, index, data, tensors }, options);
  if (!tensors) throw new RangeError('the plan has no phase');
  return { tensors, data };
}

interface PhaseRun {
  readonly plan: Plan;
  readonly index: number;
  readonly data: TrainingData;
  /** Where the phase before ended. */
  readonly tensors: ReadonlyMap<string, Tensor> | undefined;
}

async function runPhase(run: PhaseRun, options: PretrainOptions): Promise<ReadonlyMap<string, Tensor>> {
  const { plan, index, data, tensors } = run;
  const phase = plan.phases[index];
  if (!phase) throw new RangeError(`no phase ${index}`);
  const trainer = await Trainer.forAll(plan.model, {
    seed: plan.seed,
    maxLength: plan.length,
    threads: options.threads,
    optimizer: { weightDecay: plan.weightDecay, beta2: plan.beta2 },
    ...(tensors === undefined ? {} : { initial: tensors }),
  });
  const bar = options.progress && new ProgressBar(options.progress);
  let smoothed: number | undefined;
  await trainer.train({
    batches: phaseBatches(data, phase, { length: plan.length, seed: plan.seed + index }),
    schedule: phase.schedule,
    checkpoint: { folder: join(options.cache, data.name, `phase-${index + 1}`), everySteps: checkpointEvery },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onProgress: async ({ step, steps, loss, tokensPerSecond }) => {
      smoothed = smoothed === undefined ? loss : (1 - smoothing) * smoothed + smoothing * loss;
      options.onStep?.(step);
      const note = `loss ${smoothed.toFixed(3)} · ${Math.round(tokensPerSecond)} tokens/s`;
      bar?.show({ done: step, total: steps, note: `phase ${index + 1} of ${plan.phases.length} · ${note}` });
      if (step % evaluateEvery !== 0 && step !== steps) return;
      const evaluation = await trainer.evaluate(data.heldOut.examples);
      options.log(`Held-out loss after step ${step} of phase ${index + 1}: ${evaluation.loss.toFixed(4)}`);
    },
  });
  const result = new Map(trainer.tensors);
  await trainer.release();
  return result;
}
