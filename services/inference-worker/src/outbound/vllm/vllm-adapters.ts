import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAdapter, writeAdapterFolder } from '@openledger/adapters';
import type { BlobStore } from '@openledger/blob-store';
import { DomainError, invariant } from '@openledger/kernel';
import type { ModelConfig } from '@openledger/transformer';
import type { AdapterReference } from '../../application/generation.js';
import type { AdapterControl } from '../../application/text-engine.js';
import type { VllmServer } from './vllm-server.js';

export interface VllmAdaptersOptions {
  readonly server: Pick<VllmServer, 'loadAdapter' | 'unloadAdapter'>;
  readonly blobs: BlobStore;
  readonly model: ModelConfig;
  /** A folder that the server sees under the same path. */
  readonly dir: string;
  /** Most adapters loaded at once: the server's --max-cpu-loras. */
  readonly adaptersMax: number;
  readonly fileBytesMax: number;
  /** The server's --max-lora-rank. */
  readonly rankMax: number;
  /** Told of every load. */
  readonly onLoad: (seconds: number, outcome: 'loaded' | 'failed') => void;
  readonly onError: (error: unknown) => void;
}

interface Loaded {
  readonly ready: Promise<void>;
  isReady: boolean;
  users: number;
  /** Told when it is gone; where there are any, it goes as soon as nobody uses it. */
  readonly farewells: ((gone: Promise<void>) => void)[];
}

const CONFIG_BYTES_MAX = 256 * 1024;
const NAME_PREFIX = 'adapter@';

/** The name holds the whole digest: a name never gets other weights, whatever the server has cached under it. */
export const vllmName = (digest: string): string => `${NAME_PREFIX}${digest}`;

const digestIn = (name: string): string | undefined =>
  name.startsWith(NAME_PREFIX) ? name.slice(NAME_PREFIX.length) : undefined;

/**
 * Which adapters a vLLM server has loaded. vLLM does not tell, so it is tracked here: loaded on first use after
 * our own checks, unloaded least recently used first, never while a request uses it.
 */
export class VllmAdapters implements AdapterControl {
  /** In order of last use. */
  private readonly loaded = new Map<string, Loaded>();
  private readonly pinned = new Set<string>();

  constructor(private readonly options: VllmAdaptersOptions) {}

  /** Loaded, the one used last at the end. */
  get residentDigests(): readonly string[] {
    return [...this.loaded].filter(([, { isReady }]) => isReady).map(([digest]) => digest);
  }

  get pinnedDigests(): readonly string[] {
    return [...this.pinned];
  }

  get loadingDigests(): readonly string[] {
    return [...this.loaded].filter(([, { isReady }]) => !isReady).map(([digest]) => digest);
  }

  /** Takes over what a server that outlived this process has loaded; forgets the rest. */
  adopt(names: readonly string[]): void {
    for (const digest of [...this.loaded.keys()]) this.forget(digest);
    for (const name of names) {
      const digest = digestIn(name);
      if (digest !== undefined)
        this.loaded.set(digest, { ready: Promise.resolve(), isReady: true, users: 0, farewells: [] });
    }
  }

  /** The server has lost it: the next use loads it again. */
  forget(digest: string): void {
    const entry = this.loaded.get(digest);
    this.loaded.delete(digest);
    for (const farewell of entry?.farewells ?? []) farewell(Promise.resolve());
  }

  /** The adapter stays loaded until {@link release}. @throws DomainError ADAPTER_UNAVAILABLE, OVERLOADED */
  async take(reference: AdapterReference): Promise<void> {
    const { digest } = reference;
    const entry = this.loaded.get(digest) ?? this.begin(reference);
    this.loaded.delete(digest);
    this.loaded.set(digest, entry);
    entry.users += 1;
    try {
      await entry.ready;
    } catch (error) {
      entry.users -= 1;
      throw error;
    }
  }

  release(digest: string): void {
    const entry = this.loaded.get(digest);
    // The server may have been started anew in between, with nothing loaded.
    if (!entry || entry.users === 0) return;
    entry.users -= 1;
    if (entry.users > 0 || entry.farewells.length === 0) return;
    const gone = this.drop(digest);
    for (const farewell of entry.farewells) farewell(gone);
  }

  /** Fetches it, whoever uses it then. A failure is told to those who use it. */
  prefetch(reference: AdapterReference): void {
    this.take(reference).then(
      () => this.release(reference.digest),
      () => undefined,
    );
  }

  /** Keeps it loaded, or no longer. @throws DomainError ADAPTER_PINS_FULL, ADAPTER_UNAVAILABLE */
  async pin(reference: AdapterReference, pinned: boolean): Promise<void> {
    const { digest } = reference;
    if (!pinned) {
      this.pinned.delete(digest);
      return;
    }
    // One place stays free, or nothing else could ever be loaded.
    if (!this.pinned.has(digest) && this.pinned.size >= this.options.adaptersMax - 1) {
      const message = `This engine holds ${this.options.adaptersMax} adapters and pins one fewer: unpin one first.`;
      throw new DomainError('exhausted', 'ADAPTER_PINS_FULL', message);
    }
    await this.take(reference);
    this.pinned.add(digest);
    this.release(digest);
  }

  /** Resolves when it is gone: after the last request that uses it. */
  async unload(digest: string): Promise<void> {
    this.pinned.delete(digest);
    const entry = this.loaded.get(digest);
    if (!entry) return;
    if (entry.users === 0) return this.drop(digest);
    await new Promise<void>((resolve) => entry.farewells.push(resolve));
  }

  private begin(reference: AdapterReference): Loaded {
    const { digest } = reference;
    const leaving = this.makeRoom();
    const entry: Loaded = { ready: this.load(reference, leaving), isReady: false, users: 0, farewells: [] };
    this.loaded.set(digest, entry);
    entry.ready.then(
      () => {
        entry.isReady = true;
      },
      () => {
        if (this.loaded.get(digest) === entry) this.loaded.delete(digest);
      },
    );
    return entry;
  }

  /** Who has to go for one more; none while there is room. */
  private makeRoom(): string | undefined {
    if (this.loaded.size < this.options.adaptersMax) return undefined;
    for (const [digest, { users, isReady }] of this.loaded) {
      if (users > 0 || !isReady || this.pinned.has(digest)) continue;
      this.loaded.delete(digest);
      return digest;
    }
    const message = `All ${this.options.adaptersMax} adapters that the engine holds are in use: try again shortly.`;
    throw new DomainError('exhausted', 'OVERLOADED', message);
  }

  private async load(reference: AdapterReference, leaving: string | undefined): Promise<void> {
    const { server, dir, onLoad } = this.options;
    const begun = performance.now();
    const seconds = () => (performance.now() - begun) / 1_000;
    if (leaving !== undefined) await this.remove(leaving).catch(this.options.onError);
    const folder = join(dir, reference.digest);
    try {
      await this.place(reference, folder);
      await server.loadAdapter(vllmName(reference.digest), folder);
      onLoad(seconds(), 'loaded');
    } catch (cause) {
      onLoad(seconds(), 'failed');
      throw unavailable(reference.digest, cause);
    }
  }

  /** Puts the files where the server reads them: checked, and exactly what was asked for. */
  private async place({ digest, configBlob, weightsBlob }: AdapterReference, folder: string): Promise<void> {
    const { blobs, model, fileBytesMax, rankMax } = this.options;
    const [config, weights] = await Promise.all([
      blobs.get(configBlob, CONFIG_BYTES_MAX),
      blobs.get(weightsBlob, fileBytesMax),
    ]);
    const adapter = parseAdapter({ config, weights }, model);
    if (adapter.digest !== digest) {
      throw new DomainError(
        'invalid',
        'ADAPTER_DIGEST_MISMATCH',
        `its files have the digest ${adapter.digest}.`,
      );
    }
    const { rank } = adapter.lora;
    if (rank > rankMax) {
      const message = `it has rank ${rank}; this worker serves up to ${rankMax}.`;
      throw new DomainError('invalid', 'ADAPTER_RANK_TOO_LARGE', message);
    }
    await writeAdapterFolder(folder, { config, weights });
  }

  private async drop(digest: string): Promise<void> {
    const entry = this.loaded.get(digest);
    invariant(entry?.users === 0, 'an adapter in use stays');
    this.loaded.delete(digest);
    await this.remove(digest);
  }

  private async remove(digest: string): Promise<void> {
    await this.options.server.unloadAdapter(vllmName(digest));
    await rm(join(this.options.dir, digest), { recursive: true, force: true });
  }
}

function unavailable(digest: string, cause: unknown): DomainError {
  const reason = cause instanceof DomainError ? cause.message : 'It could not be read.';
  const message = `The adapter ${digest} cannot be used: ${reason}`;
  return new DomainError('unavailable', 'ADAPTER_UNAVAILABLE', message, { cause });
}
