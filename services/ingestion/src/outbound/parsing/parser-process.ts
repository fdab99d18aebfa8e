import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import process from 'node:process';
import { DomainError } from '@openledger/kernel';
import { canonicalise } from './canonicalise.js';
import { COMPRESSED_CHUNK_BYTES } from './inflate.js';
import type { ParseJob, ParseOutcome } from './job.js';

/**
 * The process that reads what strangers send. It knows no secret, may write no file and start no program;
 * its parent limits its memory and its time.
 */

const CHUNK_BYTES = 64 * 1024;
const STANDARD_INPUT = 0;

process.once('message', async (job: ParseJob) => {
  const outcome = await run(job).catch(outcomeOf);
  process.send?.(outcome, () => process.disconnect());
});

async function run(job: ParseJob): Promise<ParseOutcome> {
  const highWaterMark = job.gzip ? COMPRESSED_CHUNK_BYTES : CHUNK_BYTES;
  const input = createReadStream('', { fd: STANDARD_INPUT, highWaterMark });
  const records = canonicalise(job, input);
  let waiting = '';
  for (;;) {
    const step = await records.next();
    if (step.done) {
      await write(waiting);
      return { ok: true, ...step.value };
    }
    waiting += step.value;
    if (waiting.length < CHUNK_BYTES) continue;
    await write(waiting);
    waiting = '';
  }
}

async function write(text: string): Promise<void> {
  if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain');
}

function outcomeOf(error: unknown): ParseOutcome {
  if (!(error instanceof DomainError)) {
    return { ok: false, crash: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  const { kind, code, message, details } = error;
  return { ok: false, refusal: { kind, code, message, details } };
}
