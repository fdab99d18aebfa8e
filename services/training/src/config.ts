import { count, milliseconds } from '@openledger/config';
import { z } from 'zod';

export const TrainingConfig = z.object({
  BLOB_DIR: z.string(),
  /** Folder of the base model. */
  MODEL_DIR: z.string(),
  /** Checkpoints of running trainings. */
  WORK_DIR: z.string(),
  TRAINING_THREADS: count.default(2),
  /** Records of one run, over all its Datanets. */
  TRAINING_RECORDS_MAX: count.default(200_000),
  /** Weights of an adapter that was trained elsewhere. */
  IMPORT_BYTES_MAX: count.default(256 * 1024 * 1024),
  CHECKPOINT_STEPS: count.default(50),
  QUEUE_POLL_MS: milliseconds.default(1_000),
});

export type TrainingConfig = z.infer<typeof TrainingConfig>;
