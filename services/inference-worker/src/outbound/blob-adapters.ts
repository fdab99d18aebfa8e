import { parseAdapter } from '@openledger/adapters';
import type { BlobStore } from '@openledger/blob-store';
import { type Clock, DomainError, InvariantError, Slots } from '@openledger/kernel';
import type { ModelConfig, ServedAdapter } from '@openledger/transformer';
import type { AdapterReference } from '../application/generation.js';
import type { AdapterSource } from '../application/text-engine.js';

export interface BlobAdaptersOptions {
  readonly blobs: BlobStore;
  readonly model: ModelConfig;
  readonly limits: { readonly rankMax: number; readonly fileBytesMax: number };
  readonly clock: Clock;
}

/** How long a failure is remembered: short, because a blob may still be on its way. */
const FAILURE_MS = 2_000;
const FAILURES_MAX = 1_000;
const CONFIG_BYTES_MAX = 256 * 1024;
/** Files of this many adapters are in memory at once on their way to the engine. */
const LOADS_MAX = 4;

/** Fetches adapters from the blob store and lets nothing through that is not exactly what was asked for. */
export class BlobAdapters implements AdapterSource {
  private readonly failures = new Map<string, { readonly error: DomainError; readonly until: number }>();
  /** The engine asks once for each adapter of a request that it has taken, so QUEUE_MAX bounds who waits. */
  private readonly slots = new Slots(LOADS_MAX, Number.POSITIVE_INFINITY, neverBusy);

  constructor(private readonly options: BlobAdaptersOptions) {}

  async load(reference: AdapterReference): Promise<ServedAdapter> {
    const key = `${reference.digest} ${reference.configBlob} ${reference.weightsBlob}`;
    const now = this.options.clock.now().getTime();
    const known = this.failures.get(key);
    if (known && known.until > now) throw known.error;
    this.failures.delete(key);
    try {
      return await this.slots.with(() => this.fetch(reference));
    } catch (cause) {
      const error = unavailable(reference.digest, cause);
      if (this.failures.size >= FAILURES_MAX) this.failures.clear();
      this.failures.set(key, { error, until: now + FAILURE_MS });
      throw error;
    }
  }

  private async fetch({ digest, configBlob, weightsBlob }: AdapterReference): Promise<ServedAdapter> {
    const { blobs, model, limits } = this.options;
    const [config, weights] = await Promise.all([
      blobs.get(configBlob, CONFIG_BYTES_MAX),
      blobs.get(weightsBlob, limits.fileBytesMax),
    ]);
    const adapter = parseAdapter({ config, weights }, model);
    if (adapter.digest !== digest) {
      throw refused('ADAPTER_DIGEST_MISMATCH', `its files have the digest ${adapter.digest}.`);
    }
    const { rank } = adapter.lora;
    if (rank > limits.rankMax) {
      throw refused(
        'ADAPTER_RANK_TOO_LARGE',
        `it has rank ${rank}; this worker serves up to ${limits.rankMax}.`,
      );
    }
    return { config: adapter.lora, weights: adapter.weights };
  }
}

const neverBusy = () => new InvariantError('nobody is refused a place in the queue');

const refused = (code: string, message: string) => new DomainError('invalid', code, message);

/** The reason is told only where it is one of ours: other messages may name paths. */
function unavailable(digest: string, cause: unknown): DomainError {
  const reason = cause instanceof DomainError ? cause.message : 'It could not be read.';
  return new DomainError(
    'unavailable',
    'ADAPTER_UNAVAILABLE',
    `The adapter ${digest} cannot be used: ${reason}`,
    { cause },
  );
}
