import type { CreateRun } from '../application/create-run.js';
import type { ExecuteRuns } from '../application/execute-runs.js';
import type { LineageReader, TrainingStore } from '../application/ports.js';

/** What the REST controllers call. An abstract class, because Nest injects by value at run time. */
export abstract class TrainingUseCases {
  abstract readonly store: TrainingStore;
  abstract readonly createRun: CreateRun;
  abstract readonly runs: ExecuteRuns;
  abstract readonly lineage: LineageReader;
}
