import { DomainError } from '@openledger/kernel';
import { packedBuffers } from '@openledger/transformer';
import type { AdapterLoad, AdapterNote, AdapterOrder, AdapterReport } from './adapter-messages.js';
import type { AdapterReference } from './generation.js';
import { fromPlain, toPlain } from './plain-error.js';
import type { AdapterControl, AdapterSource } from './text-engine.js';

export interface AdapterTrafficOptions {
  readonly source: AdapterSource;
  readonly order: (order: AdapterOrder, transfer: readonly ArrayBuffer[]) => void;
  /** As told last by the engine. */
  readonly load: () => AdapterLoad;
  readonly note: (note: AdapterNote) => void;
}

interface Call {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Pins and unloads under way at once. */
const CALLS_MAX = 1_000;

/** Adapters on their way to the engine's thread, one load for each digest, and what is asked about them. */
export class AdapterTraffic implements AdapterControl {
  private readonly inFlight = new Set<string>();
  private readonly calls = new Map<number, Call>();
  private lastCall = 0;

  constructor(private readonly options: AdapterTrafficOptions) {}

  hear(report: AdapterReport): void {
    switch (report.kind) {
      case 'wanted':
        this.fetch(report.adapter);
        return;
      case 'adapter-received':
        // Only now: a wish on its way here while the adapter was on its way there is fulfilled already.
        this.inFlight.delete(report.digest);
        return;
      case 'adapter-answer': {
        const call = this.calls.get(report.call);
        this.calls.delete(report.call);
        if (report.error) call?.reject(fromPlain(report.error));
        else call?.resolve();
        return;
      }
      case 'adapter-note':
        this.options.note(report.note);
    }
  }

  /**
   * Does not wait for the engine, which hears of it after its step only, unless memory is short: then the
   * engine decides whether there is room.
   */
  prefetch(adapter: AdapterReference): void {
    const { memoryDigests, roomBytes, largestBytes } = this.options.load();
    if (this.inFlight.has(adapter.digest) || memoryDigests.includes(adapter.digest)) return;
    if ((this.inFlight.size + 1) * largestBytes <= roomBytes) this.fetch(adapter);
    else this.options.order({ kind: 'prefetch-adapter', adapter }, []);
  }

  pin(adapter: AdapterReference, pinned: boolean): Promise<void> {
    return this.call((call) => ({ kind: 'pin-adapter', call, adapter, pinned }));
  }

  unload(digest: string): Promise<void> {
    return this.call((call) => ({ kind: 'unload-adapter', call, digest }));
  }

  /** The engine's thread is gone, and all that was on its way with it. */
  lost(error: () => Error): void {
    this.inFlight.clear();
    for (const { reject } of this.calls.values()) reject(error());
    this.calls.clear();
  }

  private call(order: (call: number) => AdapterOrder): Promise<void> {
    if (this.calls.size >= CALLS_MAX) {
      const message = 'Too many adapters are being pinned or unloaded: try again shortly.';
      throw new DomainError('exhausted', 'OVERLOADED', message);
    }
    this.lastCall += 1;
    const id = this.lastCall;
    return new Promise((resolve, reject) => {
      this.calls.set(id, { resolve, reject });
      this.options.order(order(id), []);
    });
  }

  private fetch(reference: AdapterReference): void {
    const { digest } = reference;
    if (this.inFlight.has(digest)) return;
    this.inFlight.add(digest);
    this.options.source.load(reference).then(
      (loaded) => this.options.order({ kind: 'adapter', digest, ...loaded }, packedBuffers(loaded.adapter)),
      (error: unknown) => this.options.order({ kind: 'adapter-failed', digest, error: toPlain(error) }, []),
    );
  }
}
