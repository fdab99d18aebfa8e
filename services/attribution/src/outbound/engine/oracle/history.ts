import { DomainError, invariant } from '@openledger/kernel';
import { type AdamWOptions, flatten, unflatten } from '@openledger/transformer';
import { parametersOf, type TrainedRun } from './trained-run.js';

/** Memory for the gradients of all steps; beyond it they are computed again when they are needed. */
const GRADIENT_BYTES_MAX = 512 * 2 ** 20;
/** Memory for states that steps are replayed from, and for the states of one segment. */
const STATE_BYTES_MAX = 2 ** 30;

/** A step and the optimiser's state before it; tensors laid end to end. */
export interface PastStep {
  /** Counted from 1. */
  readonly step: number;
  readonly learningRate: number;
  /** What clipping multiplied the gradient by. */
  readonly scale: number;
  readonly tensors: Float32Array;
  /** Adam's moments, with their bias. */
  readonly first: Float32Array;
  readonly second: Float32Array;
  /** Of the batch's mean loss, before clipping. */
  readonly gradient: Float32Array;
}

interface State {
  readonly tensors: Float32Array;
  readonly first: Float32Array;
  readonly second: Float32Array;
}

export interface HistoryOptions {
  readonly signal?: AbortSignal;
  /** For tests. */
  readonly gradientBytesMax?: number;
}

/**
 * Every step of a training, to be walked backwards. States are kept at the beginning of every √T-th step only: with
 * the gradient of each step the optimiser's arithmetic between them gives the same bits again.
 */
export class TrainingHistory {
  private readonly starts: State[] = [];
  private readonly gradients = new Map<number, Float32Array>();
  private readonly scales: number[] = [];
  private last: Float32Array = new Float32Array(0);

  private constructor(
    private readonly trained: TrainedRun,
    private readonly segmentSteps: number,
  ) {}

  /** Whether the history of so many steps and parameters is small enough to be kept. */
  static fits(parameters: number, steps: number): boolean {
    return stateBytes(parameters, steps) <= STATE_BYTES_MAX;
  }

  /** Trains once more and keeps what is needed to walk back. */
  static async record(trained: TrainedRun, options: HistoryOptions = {}): Promise<TrainingHistory> {
    const { run } = trained;
    const parameters = parametersOf(trained);
    if (!TrainingHistory.fits(parameters, run.steps)) {
      const message = `The history of ${run.steps} steps of ${parameters} parameters is too large to be kept.`;
      throw new DomainError('too-large', 'HISTORY_TOO_LARGE', message);
    }
    const history = new TrainingHistory(trained, segmentStepsOf(run.steps));
    const gradientBytes = parameters * run.steps * Float32Array.BYTES_PER_ELEMENT;
    const keepsGradients = gradientBytes <= (options.gradientBytesMax ?? GRADIENT_BYTES_MAX);
    const { tensors } = await run.train({
      ...(options.signal ? { signal: options.signal } : {}),
      onStep: (state) => {
        if ((state.step - 1) % history.segmentSteps === 0) {
          const moment = (kind: 'first' | 'second') =>
            flatten(run.shapes, new Map(Array.from(state.moments, ([name, m]) => [name, { data: m[kind] }])));
          const start = { tensors: flatten(run.shapes, state.tensors) };
          history.starts.push({ ...start, first: moment('first'), second: moment('second') });
        }
        if (keepsGradients) history.gradients.set(state.step, flatten(run.shapes, state.gradients));
        history.scales.push(state.scale);
      },
    });
    history.last = flatten(run.shapes, tensors);
    return history;
  }

  /** The trained tensors, end to end. */
  get final(): Float32Array {
    return this.last;
  }

  /** All steps from the last to the first. */
  async *backwards(): AsyncGenerator<PastStep> {
    for (let segment = this.starts.length - 1; segment >= 0; segment--) {
      yield* (await this.stepsOf(segment)).reverse();
    }
  }

  private async stepsOf(segment: number): Promise<PastStep[]> {
    const { run, recipe } = this.trained;
    const from = segment * this.segmentSteps + 1;
    const to = Math.min(from + this.segmentSteps - 1, run.steps);
    const start = this.starts[segment];
    invariant(start, 'a history has a state for each of its segments');
    let state = start;
    const steps: PastStep[] = [];
    for (let step = from; step <= to; step++) {
      const gradient = this.gradients.get(step) ?? (await this.gradientAt(step, state.tensors));
      const scale = this.scales[step - 1] ?? 1;
      const past = { step, learningRate: run.learningRate(step), scale, gradient, ...state };
      steps.push(past);
      if (step < to) state = nextState(past, recipe.optimizer);
    }
    return steps;
  }

  private async gradientAt(step: number, tensors: Float32Array): Promise<Float32Array> {
    const { run } = this.trained;
    const { gradients } = await run.gradients(step, unflatten(run.shapes, tensors));
    return flatten(run.shapes, gradients);
  }
}

/** AdamW's arithmetic, rounded where its tensors round it. */
function nextState(past: PastStep, options: AdamWOptions): State {
  const { beta1, beta2, epsilonRoot, weightDecay } = options;
  const { step, learningRate, scale, gradient } = past;
  const correction1 = 1 / (1 - beta1 ** step);
  const correction2 = 1 / (1 - beta2 ** step);
  const decay = 1 - learningRate * weightDecay;
  const size = gradient.length;
  const tensors = new Float32Array(size);
  const first = new Float32Array(size);
  const second = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const g = (gradient[i] as number) * scale;
    const m = beta1 * (past.first[i] as number) + (1 - beta1) * g;
    const v = beta2 * (past.second[i] as number) + (1 - beta2) * g * g;
    first[i] = m;
    second[i] = v;
    const change = (m * correction1) / Math.sqrt(v * correction2 + epsilonRoot);
    tensors[i] = (past.tensors[i] as number) * decay - learningRate * change;
  }
  return { tensors, first, second };
}

/** √T steps: as many states to start from as steps in between. */
const segmentStepsOf = (steps: number): number => Math.max(1, Math.ceil(Math.sqrt(steps)));

/** Three vectors for each start, four for each step of a segment. */
function stateBytes(parameters: number, steps: number): number {
  const inSegment = segmentStepsOf(steps);
  const vectors = 3 * Math.ceil(steps / inSegment) + 4 * inSegment;
  return vectors * parameters * Float32Array.BYTES_PER_ELEMENT;
}
