import { FolderBlobStore } from '@openledger/blob-store';
import { loadConfig } from '@openledger/config';
import { topics } from '@openledger/contracts';
import { DomainError, Slots } from '@openledger/kernel';
import { RowLease } from '@openledger/persistence';
import { type Composition, type Host, LeasedLoop, on } from '@openledger/service-host';
import { CreateRun } from './application/create-run.js';
import { ExecuteRuns } from './application/execute-runs.js';
import { ImportModel } from './application/import-model.js';
import { RecordData } from './application/record-data.js';
import { TrainingConfig } from './config.js';
import { BlobLineageReader } from './outbound/blob-lineage-reader.js';
import { PostgresTrainingStore } from './outbound/postgres-training-store.js';
import { ProcessTrainer } from './outbound/process-trainer.js';
import { ThreadAdapterIntake } from './outbound/thread-adapter-intake.js';
import { TrainingModule } from './training.module.js';

/** Uploaded adapters in memory at once, and those that wait for their turn. */
const IMPORTS_MAX = 2;
const IMPORTS_WAITING_MAX = 8;

export async function compose(host: Host): Promise<Composition> {
  const config = loadConfig(TrainingConfig, host.env);
  const store = new PostgresTrainingStore(host.database);
  const blobs = await FolderBlobStore.open(config.BLOB_DIR);
  const trainer = new ProcessTrainer(blobs, {
    modelDir: config.MODEL_DIR,
    workDir: config.WORK_DIR,
    threads: config.TRAINING_THREADS,
    checkpointSteps: config.CHECKPOINT_STEPS,
  });
  const onError = (error: unknown) => host.log.error({ err: error }, 'training');
  const runs = new ExecuteRuns({ store, trainer, clock: host.clock, onError });
  const loop = new LeasedLoop({
    lease: new RowLease(host.database),
    work: (signal) => runs.next(signal),
    pollMs: config.QUEUE_POLL_MS,
    onError,
  });
  const data = new RecordData(store);
  const createRun = new CreateRun(store, config.TRAINING_RECORDS_MAX);
  const intake = new ThreadAdapterIntake(blobs, config.MODEL_DIR);
  const importModel = new ImportModel({ store, intake, clock: host.clock });
  const imports = {
    slots: new Slots(IMPORTS_MAX, IMPORTS_WAITING_MAX, importsBusy),
    bytesMax: config.IMPORT_BYTES_MAX,
  };
  const lineage = new BlobLineageReader(blobs);
  return {
    module: TrainingModule.over({ store, createRun, runs, lineage, importModel, imports }),
    handlers: [
      on(topics.datanetCreated, (event, record) => data.datanet(record.id, event)),
      on(topics.contributionAssessed, (event, record) => data.contribution(record.id, event)),
      on(topics.contributionWithdrawn, (event, record) => data.withdrawal(record.id, event)),
    ],
    start: async () => loop.start(),
    stop: () => loop.stop(),
  };
}

const importsBusy = () =>
  new DomainError('exhausted', 'IMPORTS_BUSY', 'Too many adapters are being uploaded: try again shortly.');
