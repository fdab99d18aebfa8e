import { flatten, type StepState } from '@openledger/transformer';
import { tinyTask } from '../../../../test/tiny-task.js';
import { type PastStep, TrainingHistory } from './history.js';
import { openTrainedRun, type TrainedRun } from './trained-run.js';

const STEPS = 11;
const { base, recipe, examples } = tinyTask(2, 8, STEPS);
let trained: TrainedRun;
const seen: PastStep[] = [];

beforeAll(async () => {
  const decayed = { ...recipe, optimizer: { ...recipe.optimizer, weightDecay: 0.05 } };
  trained = await openTrainedRun({ base, recipe: decayed, examples, options: { threads: 1 } });
  await trained.run.train({ onStep: (state) => void seen.unshift(pastOf(state)) });
});
afterAll(() => trained.run.release());

function pastOf(state: StepState): PastStep {
  const { shapes } = trained.run;
  const moments = (kind: 'first' | 'second') =>
    flatten(shapes, new Map(Array.from(state.moments, ([name, both]) => [name, { data: both[kind] }])));
  return {
    step: state.step,
    learningRate: state.learningRate,
    scale: state.scale,
    tensors: flatten(shapes, state.tensors),
    first: moments('first'),
    second: moments('second'),
    gradient: flatten(shapes, state.gradients),
  };
}

describe('TrainingHistory', () => {
  it.each([undefined, 0])('gives every step back to the bit, with gradients in %s bytes', async (bytes) => {
    const options = bytes === undefined ? {} : { gradientBytesMax: bytes };
    const history = await TrainingHistory.record(trained, options);
    const walked: PastStep[] = [];
    for await (const past of history.backwards()) walked.push(past);
    expect(walked.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => STEPS - i));
    expect(walked).toEqual(seen);
    expect(walked.some(({ scale }) => scale < 1)).toBe(true);
  });

  it('ends at the trained adapter', async () => {
    const { tensors } = await trained.run.train();
    expect((await TrainingHistory.record(trained)).final).toEqual(flatten(trained.run.shapes, tensors));
  });

  it('stops where it is called off', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(TrainingHistory.record(trained, { signal })).rejects.toThrow('enough');
  });

  it('knows what is too large to be kept', () => {
    expect(TrainingHistory.fits(160_000, 240)).toBe(true);
    expect(TrainingHistory.fits(100_000_000, 1_000)).toBe(false);
  });
});
