import { type Clock, DomainError } from '@openledger/kernel';
import { NativeThread } from '@openledger/worker-thread';
import type { LoadedAdapter } from '../application/adapter-messages.js';
import type { AdapterReference } from '../application/generation.js';
import { fromPlain } from '../application/plain-error.js';
import { LoadFailures } from '../domain/load-failures.js';
import type { LoadTarget } from './load-adapter.js';
import type { LoaderOrder, LoaderReport, LoaderWorkerData } from './loader-messages.js';

export interface DiskState {
  readonly bytes: number;
  readonly evictions: number;
}

export interface LoaderThreadOptions {
  readonly loader: LoaderWorkerData;
  readonly clock: Clock;
  /** Told of each load that was tried; `tier` is where it was read from, where that is known. */
  readonly onLoad: (seconds: number, outcome: 'loaded' | 'failed', tier: 'disk' | 'remote') => void;
  /** Told when the thread died or its cache could not be written; loads go on. */
  readonly onTrouble: (error: unknown) => void;
}

interface Pending {
  readonly resolve: (loaded: LoadedAdapter) => void;
  readonly reject: (error: Error) => void;
}

/** From a blob that is still on its way to one that nobody will repair soon. */
const FAILURES = { firstMs: 1_000, longestMs: 5 * 60_000, entriesMax: 1_000 };

/** Loads adapters in a thread of its own: neither answers under way nor new requests wait for it. */
export class LoaderThread {
  private readonly pending = new Map<number, Pending>();
  private readonly failures = new LoadFailures<DomainError>(FAILURES);
  private thread: NativeThread | undefined;
  private stopped = false;
  private lastId = 0;
  disk: DiskState = { bytes: 0, evictions: 0 };

  constructor(private readonly options: LoaderThreadOptions) {}

  /** Checked weights of exactly the digest asked for, not kept. @throws DomainError ADAPTER_UNAVAILABLE */
  async load(reference: AdapterReference, target: LoadTarget): Promise<LoadedAdapter> {
    const { clock, onLoad } = this.options;
    const key = `${reference.digest} ${reference.configBlob} ${reference.weightsBlob}`;
    const known = this.failures.reason(key, clock.now().getTime());
    if (known) throw known;
    const begun = performance.now();
    const seconds = () => (performance.now() - begun) / 1_000;
    try {
      const loaded = await this.ask(reference, target);
      this.failures.succeeded(key);
      onLoad(seconds(), 'loaded', loaded.origin);
      return loaded;
    } catch (cause) {
      const error = unavailable(reference.digest, cause);
      this.failures.failed(key, error, clock.now().getTime());
      onLoad(seconds(), 'failed', 'remote');
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.thread?.end();
  }

  private ask(reference: AdapterReference, target: LoadTarget): Promise<LoadedAdapter> {
    const thread = this.open();
    this.lastId += 1;
    const id = this.lastId;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      thread.postMessage({ id, reference, target } satisfies LoaderOrder);
    });
  }

  /** Started with the first load, and again after it died. */
  private open(): NativeThread {
    if (this.thread) return this.thread;
    const thread = new NativeThread(new URL('./loader-worker.js', import.meta.url), this.options.loader);
    this.thread = thread;
    let failure: unknown = new Error("the loader's thread ended");
    thread.on('error', (error) => (failure = error));
    thread.once('exit', () => {
      this.thread = undefined;
      for (const { reject } of this.pending.values()) reject(new Error("the loader's thread ended"));
      this.pending.clear();
      if (!this.stopped) this.options.onTrouble(failure);
    });
    thread.on('message', (report: LoaderReport) => this.hear(report));
    return thread;
  }

  private hear(report: LoaderReport): void {
    switch (report.kind) {
      case 'disk':
        this.disk = { bytes: report.bytes, evictions: report.evictions };
        return;
      case 'disk-failed':
        this.options.onTrouble(new Error(report.message));
        return;
      case 'loaded':
        this.pending.get(report.id)?.resolve(report.loaded);
        break;
      case 'failed':
        this.pending.get(report.id)?.reject(fromPlain(report.error));
    }
    this.pending.delete(report.id);
  }
}

/** The reason is told only where it is one of ours: other messages may name paths. */
function unavailable(digest: string, cause: unknown): DomainError {
  const reason = cause instanceof DomainError ? cause.message : 'It could not be read.';
  const message = `The adapter ${digest} cannot be used: ${reason}`;
  return new DomainError('unavailable', 'ADAPTER_UNAVAILABLE', message, { cause });
}
