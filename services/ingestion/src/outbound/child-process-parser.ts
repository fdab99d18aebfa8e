import { type ChildProcess, fork } from 'node:child_process';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { BlobStore } from '@openledger/blob-store';
import { DomainError, Slots } from '@openledger/kernel';
import {
  type ParsedRecords,
  RecordParser,
  type StagedUpload,
  type UploadForm,
} from '../application/ports.js';
import type { RecordSchema } from '../domain/record-schema.js';
import type { ParseJob, ParseLimits, ParseOutcome } from './parsing/job.js';
import { uploadsBusy } from './uploads-busy.js';

export interface ChildLimits extends ParseLimits {
  readonly timeoutMs: number;
  readonly heapMb: number;
  /** Children at once. */
  readonly childrenMax: number;
}

const WAITING_MAX = 64;
/** V8 aborts or traps when its heap is full; the kernel kills when the container's memory is. */
const MEMORY_SIGNALS: ReadonlySet<string> = new Set(['SIGABRT', 'SIGTRAP', 'SIGILL', 'SIGKILL']);
const STDERR_CHARACTERS_MAX = 4_000;
const PARSER = new URL('./parsing/parser-process.js', import.meta.url);

/**
 * Parses in a child process: one for each upload, without secrets in its environment, with a limit on its
 * heap and its time, and without the right to write files or start programs. What it writes goes straight
 * to the blob store, which keeps it only when the child ends well.
 */
export class ChildProcessParser extends RecordParser {
  private readonly slots: Slots;

  constructor(
    private readonly blobs: BlobStore,
    private readonly limits: ChildLimits,
  ) {
    super();
    this.slots = new Slots(limits.childrenMax, WAITING_MAX, uploadsBusy);
  }

  parse(upload: StagedUpload, form: UploadForm, schema: RecordSchema): Promise<ParsedRecords> {
    const { timeoutMs: _, heapMb: __, childrenMax: ___, ...limits } = this.limits;
    return this.slots.with(() => this.run(upload.path, { ...form, schema, limits }));
  }

  private async run(path: string, job: ParseJob): Promise<ParsedRecords> {
    const input = await open(path, 'r');
    try {
      const child = fork(PARSER, [], {
        execArgv: ['--permission', '--allow-fs-read=*', `--max-old-space-size=${this.limits.heapMb}`],
        env: {},
        stdio: [input.fd, 'pipe', 'pipe', 'ipc'],
      });
      const watch = new Watch(child, this.limits);
      child.send(job);
      try {
        const { digest } = await this.blobs.putStream(records(child.stdout, watch));
        const { recordCount, merkleRoot } = await watch.done;
        return { recordsBlob: digest, recordCount, merkleRoot };
      } finally {
        watch.stop();
      }
    } finally {
      await input.close();
    }
  }
}

/** The child's output, ending in an error unless the child ended well. */
async function* records(stdout: Readable | null, watch: Watch): AsyncGenerator<Uint8Array> {
  if (stdout) yield* stdout as AsyncIterable<Uint8Array>;
  await watch.done;
}

type Success = Extract<ParseOutcome, { ok: true }>;

/** Follows a child to its end, which comes in time one way or another. */
class Watch {
  readonly done: Promise<Success>;
  private readonly timer: NodeJS.Timeout;
  private outcome: ParseOutcome | undefined;
  private timedOut = false;
  private stderr = '';

  constructor(
    private readonly child: ChildProcess,
    private readonly limits: ChildLimits,
  ) {
    this.timer = setTimeout(() => {
      this.timedOut = true;
      child.kill('SIGKILL');
    }, limits.timeoutMs);
    child.stderr?.on('data', (data: Buffer) => {
      this.stderr = (this.stderr + data.toString()).slice(-STDERR_CHARACTERS_MAX);
    });
    child.once('message', (outcome) => {
      this.outcome = outcome as ParseOutcome;
    });
    this.done = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (_code, signal) => {
        if (this.outcome?.ok) resolve(this.outcome);
        else reject(this.failure(signal));
      });
    });
    // Whoever awaits `done` hears of it; until then it is not unhandled.
    this.done.catch(() => undefined);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.child.kill('SIGKILL');
  }

  private failure(signal: NodeJS.Signals | null): Error {
    const { timeoutMs, heapMb } = this.limits;
    if (this.timedOut) return limitExceeded(`more than ${timeoutMs} ms`);
    if (this.outcome?.ok === false && 'refusal' in this.outcome) {
      const { kind, code, message, details } = this.outcome.refusal;
      return new DomainError(kind, code, message, { details });
    }
    if (signal !== null && MEMORY_SIGNALS.has(signal)) return limitExceeded(`more than ${heapMb} MB`);
    const crash = this.outcome?.ok === false ? this.outcome.crash : this.stderr;
    return new Error(`The parser process failed (${signal ?? 'no signal'}): ${crash}`);
  }
}

const limitExceeded = (what: string) =>
  new DomainError('too-large', 'PARSE_LIMIT_EXCEEDED', `Reading the upload takes ${what}: split it.`);
