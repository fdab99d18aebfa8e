import { type ChildProcess, fork } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlobStore } from '@openledger/blob-store';
import { DomainError } from '@openledger/kernel';
import {
  type AcceptedContribution,
  AdapterTrainer,
  type Run,
  type TrainedAdapter,
} from '../application/ports.js';
import { splitHeldOut } from '../domain/record.js';
import type { RunProgress } from '../domain/run.js';
import { readAcceptedRecords } from './accepted-records.js';
import { storeTraining } from './store-training.js';
import type { StopRequest, TrainingAnswer, TrainingOrder, TrainingResult } from './training-messages.js';

const PROGRAM = new URL('./training-process.js', import.meta.url);
const STDERR_CHARACTERS_MAX = 4_000;

export interface ProcessTrainerOptions {
  readonly modelDir: string;
  readonly workDir: string;
  readonly threads: number;
  readonly checkpointSteps: number;
}

interface Watch {
  readonly onProgress: (progress: RunProgress) => void;
  readonly signal: AbortSignal;
}

/**
 * Trains in a process of its own: what a run allocates goes back to the machine when it ends, and a run
 * that exhausts its memory takes nobody along.
 */
export class ProcessTrainer extends AdapterTrainer {
  constructor(
    private readonly blobs: BlobStore,
    private readonly options: ProcessTrainerOptions,
  ) {
    super();
  }

  async train(
    run: Run,
    contributions: readonly AcceptedContribution[],
    watch: Watch,
  ): Promise<TrainedAdapter> {
    const records = await readAcceptedRecords(this.blobs, contributions);
    const { train, heldOut } = splitHeldOut(records, run.plan.heldOutPercent, run.plan.seed);
    const workDir = this.workDirOf(run.id);
    await mkdir(workDir, { recursive: true });
    const { modelDir, threads, checkpointSteps } = this.options;
    const order: TrainingOrder = {
      plan: run.plan,
      train,
      heldOut,
      modelDir,
      workDir,
      threads,
      checkpointSteps,
    };
    const result = await inProcess(order, watch);
    return storeTraining(this.blobs, { plan: run.plan, train, heldOut, threads, result });
  }

  async forget(runId: string): Promise<void> {
    await rm(this.workDirOf(runId), { recursive: true, force: true });
  }

  private workDirOf(runId: string): string {
    return join(this.options.workDir, runId);
  }
}

function inProcess(order: TrainingOrder, { onProgress, signal }: Watch): Promise<TrainingResult> {
  signal.throwIfAborted();
  const child = fork(PROGRAM, [], {
    env: {},
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const lastWords = tail(child);
  const stop = () => child.send('stop' satisfies StopRequest);
  signal.addEventListener('abort', stop, { once: true });
  child.send(order);
  return new Promise<TrainingResult>((resolve, reject) => {
    child.on('message', (answer: TrainingAnswer) => {
      if (answer.kind === 'progress') onProgress(answer.progress);
      else if (answer.kind === 'trained') resolve(answer.result);
      else if (answer.kind === 'stopped') reject(signal.reason as Error);
      else reject(new DomainError(answer.errorKind, answer.code, answer.message));
    });
    child.once('error', reject);
    child.once('exit', (code, killedBy) => {
      reject(new Error(`the training process ended with ${killedBy ?? code}: ${lastWords()}`));
    });
  }).finally(() => {
    signal.removeEventListener('abort', stop);
    child.kill('SIGKILL');
  });
}

/** The end of what the process wrote to standard error. */
function tail(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-STDERR_CHARACTERS_MAX);
  });
  return () => text;
}
