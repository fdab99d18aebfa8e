import {
  type Example,
  flatten,
  type ModelConfig,
  RecipeRun,
  type StepState,
  type TrainingRecipe,
  unflatten,
  type Weights,
} from '@openledger/transformer';

/** What the peers are asked about: an adapter by its recipe, what it was trained on, and what it is asked. */
export interface PeerTask {
  readonly base: { readonly config: ModelConfig; readonly weights: Weights };
  readonly recipe: TrainingRecipe;
  readonly examples: readonly Example[];
  readonly queries: readonly Example[];
}

/** The run after `step` steps; vectors are all tensors end to end. */
export interface RecordedCheckpoint {
  readonly step: number;
  /** Mean over the steps since the checkpoint before. */
  readonly learningRate: number;
  readonly tensors: Float32Array;
  /** Adam's moments with their bias. */
  readonly first: Float32Array;
  readonly second: Float32Array;
}

export interface RecordedTraining {
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** The last is the finished adapter. */
  readonly checkpoints: readonly RecordedCheckpoint[];
  readonly learningRates: readonly number[];
  readonly batches: readonly (readonly number[])[];
  /** What each step's Σ weight · NLL was divided by. */
  readonly normalizers: readonly number[];
  /** Tensors before each step, [steps, size]; absent where they are too many. */
  readonly trajectory?: Float32Array;
}

/** As many as LESS keeps (Xia et al. 2024, section 4.1: one an epoch of four). */
const CHECKPOINTS = 4;
/** Numbers of a whole trajectory; 1 GiB. */
const TRAJECTORY_MAX = 2 ** 28;

/** Trains by the recipe once more and keeps what methods along a run need. */
export async function recordTraining(task: PeerTask, threads: number): Promise<RecordedTraining> {
  const { base, recipe, examples } = task;
  const run = await RecipeRun.open(base, recipe, examples, { threads });
  try {
    const { shapes } = run;
    const size = [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
    const steps = Array.from({ length: run.steps }, (_, at) => at + 1);
    const ends = Array.from({ length: CHECKPOINTS }, (_, at) =>
      Math.round(((at + 1) * run.steps) / CHECKPOINTS),
    );
    const trajectory = run.steps * size <= TRAJECTORY_MAX ? new Float32Array(run.steps * size) : undefined;
    const checkpoints: RecordedCheckpoint[] = [];
    const learningRates = steps.map((step) => run.learningRate(step));
    const meanRate = (end: number) =>
      mean(learningRates.slice(ends.filter((other) => other < end).at(-1) ?? 0, end));
    let last: Pick<RecordedCheckpoint, 'first' | 'second'> | undefined;
    const { tensors } = await run.train({
      onStep: (state) => {
        const vector = flatten(shapes, state.tensors);
        trajectory?.set(vector, (state.step - 1) * size);
        const done = state.step - 1;
        if (ends.includes(done)) {
          const learningRate = meanRate(done);
          checkpoints.push({ step: done, learningRate, tensors: vector, ...momentsBefore(shapes, state) });
        }
        if (state.step === run.steps) last = momentsAfter(shapes, state, recipe);
      },
    });
    if (last) {
      const learningRate = meanRate(run.steps);
      checkpoints.push({ step: run.steps, learningRate, tensors: flatten(shapes, tensors), ...last });
    }
    return {
      shapes,
      checkpoints,
      learningRates,
      batches: steps.map((step) => run.batch(step)),
      normalizers: steps.map((step) => run.normalizer(step)),
      ...(trajectory ? { trajectory } : {}),
    };
  } finally {
    await run.release();
  }
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);

type Shapes = RecordedTraining['shapes'];

function momentsBefore(shapes: Shapes, { moments }: StepState) {
  const of = (name: 'first' | 'second') =>
    flatten(shapes, new Map([...moments].map(([key, both]) => [key, { data: both[name] }])));
  return { first: of('first'), second: of('second') };
}

/** Adam's moments once this step is taken. */
function momentsAfter(shapes: Shapes, state: StepState, { optimizer }: TrainingRecipe) {
  const { first, second } = momentsBefore(shapes, state);
  const gradient = flatten(shapes, state.gradients);
  const { beta1, beta2 } = optimizer;
  for (const [at, value] of gradient.entries()) {
    const g = value * state.scale;
    first[at] = beta1 * (first[at] ?? 0) + (1 - beta1) * g;
    second[at] = beta2 * (second[at] ?? 0) + (1 - beta2) * g * g;
  }
  return { first, second };
}

/** The finished adapter by name. */
export function finishedTensors({ shapes, checkpoints }: RecordedTraining) {
  const last = checkpoints.at(-1);
  return unflatten(shapes, last?.tensors ?? new Float32Array());
}
