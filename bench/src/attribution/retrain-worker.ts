import { openTrainedRun, QueryLosses, Retrainer, type Training } from '@openledger/attribution/engine';
import type { Example } from '@openledger/transformer';
import { enterThread } from '@openledger/worker-thread';

/** What a worker retrains, and asks about. */
export interface RetrainTask {
  readonly training: Training;
  readonly queries: readonly Example[];
}

export interface RetrainOrder {
  readonly order: number;
  readonly weights: Float64Array;
  /** Of the initial tensors and the order of the examples. */
  readonly seed: number;
}

export interface RetrainAnswer {
  readonly order: number;
  /** Σ weight · NLL of each query, nats. */
  readonly losses: Float64Array;
  readonly seconds: number;
}

interface Opened {
  readonly seed: number;
  readonly retrainer: Retrainer;
}

const { port, data: task } = enterThread<RetrainTask>();
const queryLosses = await QueryLosses.open(task.training, task.queries);
let opened: Opened | undefined;

port.on('message', (order: RetrainOrder) => {
  answer(order).then(
    (message) => port.postMessage(message),
    (error: unknown) => {
      // Out of the promise, so that the thread ends with it as its error.
      setImmediate(() => {
        throw error;
      });
    },
  );
});

async function answer({ order, weights, seed }: RetrainOrder): Promise<RetrainAnswer> {
  const { retrainer } = await withSeed(seed);
  const losses = await retrainer.losses(weights);
  return { order, losses, seconds: retrainer.secondsPerRetrain ?? 0 };
}

async function withSeed(seed: number): Promise<Opened> {
  if (opened?.seed === seed) return opened;
  await opened?.retrainer.trained.run.release();
  const { training } = task;
  const trained = await openTrainedRun({ ...training, recipe: { ...training.recipe, seed } });
  opened = { seed, retrainer: new Retrainer(trained, queryLosses) };
  return opened;
}
