import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { InvariantError } from '@openledger/kernel';
import type { AssessmentJob, Assessor } from '../application/ports.js';
import type { RecordAnswer, RecordQuestion } from '../domain/assessment/assessment-input.js';
import type { AssessmentResult } from '../domain/assessment/assessment-output.js';
import type { Command, Reply } from './assessor-protocol.js';

/** Records between two look-ups: bounds what travels between the threads at a time. */
const BATCH_RECORDS = 250;

type LookUp = (questions: readonly RecordQuestion[]) => Promise<Map<number, RecordAnswer>>;

/**
 * Assesses in a thread of its own, started for each contribution and ended with it: the event loop stays
 * free, memory is given back, and a contribution that needs too much of it fails alone. One at a time, so
 * that a burst of contributions does not take every core.
 */
export class AssessorThread implements Assessor {
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly heapMb: number) {}

  assess(job: AssessmentJob, lookUp: LookUp, signal: AbortSignal): Promise<AssessmentResult> {
    const turn = this.last.then(() => this.run(job, lookUp, signal));
    this.last = turn.catch(() => undefined);
    return turn;
  }

  private async run(job: AssessmentJob, lookUp: LookUp, signal: AbortSignal): Promise<AssessmentResult> {
    signal.throwIfAborted();
    const worker = new Worker(new URL('./assessor-worker.js', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: this.heapMb },
    });
    const stop = () => void worker.terminate();
    signal.addEventListener('abort', stop);
    try {
      const { recordCount } = await ask(worker, { kind: 'open', ...job });
      for (let from = 0; from < recordCount; from += BATCH_RECORDS) {
        const to = Math.min(from + BATCH_RECORDS, recordCount);
        const { questions } = await ask(worker, { kind: 'questions', from, to });
        await ask(worker, { kind: 'judge', from, to, answers: await lookUp(questions) });
      }
      const { result } = await ask(worker, { kind: 'result' });
      return result;
    } finally {
      signal.removeEventListener('abort', stop);
      await worker.terminate();
    }
  }
}

/** `once` also rejects on the worker's `error`; a thread that just ends is watched for beside it. */
async function ask<K extends Command['kind']>(
  worker: Worker,
  command: Extract<Command, { kind: K }>,
): Promise<Extract<Reply, { kind: K }>> {
  const settled = new AbortController();
  const { signal } = settled;
  const ended = once(worker, 'exit', { signal }).then(() => {
    throw new Error('the assessor thread ended early');
  });
  try {
    const reply = once(worker, 'message', { signal });
    worker.postMessage(command);
    const [message] = (await Promise.race([reply, ended])) as [Reply];
    if (message.kind !== command.kind) throw new InvariantError(`${message.kind} answers ${command.kind}`);
    return message as Extract<Reply, { kind: K }>;
  } finally {
    settled.abort();
    await ended.catch(() => undefined);
  }
}
