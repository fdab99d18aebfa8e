import { metagradients, openTrainedRun, TrainingHistory } from '@openledger/attribution/engine';
import { enterThread } from '@openledger/worker-thread';
import type { RetrainTask } from './retrain-worker.js';

export interface MetagradientAnswer {
  /** One row a query: derivative of its loss by the weight of each example. */
  readonly effects: readonly Float64Array[];
  readonly seconds: number;
}

const { port, data: task } = enterThread<RetrainTask>();
const started = performance.now();
const trained = await openTrainedRun(task.training);
const history = await TrainingHistory.record(trained);
const effects = await metagradients(trained, history, task.queries);
const answer: MetagradientAnswer = { effects, seconds: (performance.now() - started) / 1000 };
port.postMessage(answer);
