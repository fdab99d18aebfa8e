import type { Slots } from '@openledger/kernel';
import type { CreateRun } from '../application/create-run.js';
import type { ExecuteRuns } from '../application/execute-runs.js';
import type { ImportModel } from '../application/import-model.js';
import type { LineageReader, TrainingStore } from '../application/ports.js';

/** How many uploads are in memory at once, and how large. */
export interface ImportLimits {
  readonly slots: Slots;
  readonly bytesMax: number;
}

/** What the REST controllers call. An abstract class, because Nest injects by value at run time. */
export abstract class TrainingUseCases {
  abstract readonly store: TrainingStore;
  abstract readonly createRun: CreateRun;
  abstract readonly runs: ExecuteRuns;
  abstract readonly lineage: LineageReader;
  abstract readonly importModel: ImportModel;
  abstract readonly imports: ImportLimits;
}
