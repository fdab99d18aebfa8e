import { Counter, Gauge, Histogram, type Host } from '@openledger/service-host';
import type { AdapterLoad, AdapterNote } from '../application/adapter-messages.js';
import type { DiskState } from './loader-thread.js';

/** Seconds, from a copy within memory to a fetch from far away. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Adapters that get a time series of their own; the rest are counted together. */
const NAMES_MAX = 1_000;

/** Bytes of float32 numbers of one page are the same for all, so the pool is told in pages. */
export interface AdapterMetricsSources {
  readonly load: () => AdapterLoad;
  readonly disk: () => DiskState;
  /** Of one page of the pool. */
  readonly pageBytes: () => number;
}

/** What happens to adapters, under vLLM's names where it has any. */
export class AdapterMetrics {
  private readonly loads: Histogram<'tier' | 'outcome'>;
  private readonly evictions: Counter<'tier' | 'reason'>;
  private readonly hits: Counter<'tier'>;
  private diskEvictions = 0;

  constructor(
    metrics: Host['metrics'],
    private readonly sources: AdapterMetricsSources,
  ) {
    const registers = [metrics];
    this.loads = new Histogram({
      name: 'openlora_adapter_load_seconds',
      help: 'Loading an adapter, by where it was read from',
      labelNames: ['tier', 'outcome'],
      buckets: BUCKETS,
      registers,
    });
    this.evictions = new Counter({
      name: 'openlora_adapter_evictions_total',
      help: 'Adapters that left a tier',
      labelNames: ['tier', 'reason'],
      registers,
    });
    this.hits = new Counter({
      name: 'openlora_adapter_hits_total',
      help: 'Adapters that requests asked for, by where they were found',
      labelNames: ['tier'],
      registers,
    });
    this.gauges(registers);
  }

  note(note: AdapterNote): void {
    switch (note.note) {
      case 'hit':
        this.hits.inc({ tier: note.tier });
        return;
      case 'evicted':
        this.evictions.inc({ tier: note.tier, reason: note.reason });
        return;
      case 'pooled':
        this.loads.observe({ tier: 'memory', outcome: 'loaded' }, note.seconds);
    }
  }

  loaded(seconds: number, outcome: 'loaded' | 'failed', tier: 'disk' | 'remote'): void {
    this.loads.observe({ tier, outcome }, seconds);
    if (outcome === 'loaded') this.hits.inc({ tier });
  }

  private gauges(registers: Host['metrics'][]): void {
    const { load, disk, pageBytes } = this.sources;
    const { evictions } = this;
    const countDisk = (total: number) => {
      // A new thread of the loader begins at zero.
      const more = total >= this.diskEvictions ? total - this.diskEvictions : total;
      this.diskEvictions = total;
      if (more > 0) evictions.inc({ tier: 'disk', reason: 'room' }, more);
    };
    const simple = (name: string, help: string, read: () => number) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    simple('vllm:num_gpu_loaded_lora_adapters', 'Adapters in the pool', () => load().poolDigests.length);
    simple('vllm:num_cpu_loaded_lora_adapters', 'Adapters in memory', () => load().memoryDigests.length);
    new Gauge({
      name: 'openlora_adapter_bytes',
      help: 'Bytes of adapters, by tier',
      labelNames: ['tier'],
      registers,
      collect() {
        countDisk(disk().evictions);
        this.set({ tier: 'pool' }, load().poolPagesUsed * pageBytes());
        this.set({ tier: 'memory' }, load().memoryBytes);
        this.set({ tier: 'disk' }, disk().bytes);
      },
    });
    new Gauge({
      name: 'vllm:lora_adapter_loaded',
      help: 'Adapters in memory, by digest',
      labelNames: ['adapter_name', 'level', 'pinned'],
      registers,
      collect() {
        this.reset();
        for (const [labels, count] of residency(load())) this.set(labels, count);
      },
    });
  }
}

interface ResidencyLabels {
  readonly [label: string]: string;
  readonly adapter_name: string;
  readonly level: 'gpu' | 'cpu';
  readonly pinned: 'true' | 'false';
}

/** One entry for each adapter up to a limit, and `other` for the number of the rest. */
export function residency({ memoryDigests, poolDigests, pinnedDigests }: AdapterLoad) {
  const pooled = new Set(poolDigests);
  const pinned = new Set(pinnedDigests);
  const entries = memoryDigests.slice(0, NAMES_MAX).map((digest): [ResidencyLabels, number] => [
    {
      adapter_name: digest,
      level: pooled.has(digest) ? 'gpu' : 'cpu',
      pinned: pinned.has(digest) ? 'true' : 'false',
    },
    1,
  ]);
  const rest = memoryDigests.length - entries.length;
  if (rest > 0) entries.push([{ adapter_name: 'other', level: 'cpu', pinned: 'false' }, rest]);
  return entries;
}
