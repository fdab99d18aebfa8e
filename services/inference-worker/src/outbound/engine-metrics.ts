import { Counter, Gauge, Histogram, type Host } from '@openledger/service-host';
import type { BaseFacts, EngineLoad, StepNote } from '../application/engine-messages.js';
import { BLOCK_TOKENS } from '../domain/scheduling/prefix-cache.js';

/** Seconds, from a step of a small model to a chunk of a large one. */
const STEP_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const STALL_BUCKETS = [0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const TOKEN_BUCKETS = [1, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192];
const ADAPTER_BUCKETS = [0, 1, 2, 4, 8, 16, 32];

/** Adapters named in one label; the rest are left out. */
const NAMES_MAX = 64;

export interface EngineMetricsSources {
  readonly base: () => BaseFacts;
  readonly load: () => EngineLoad;
}

/** What the engine does as a whole, under vLLM's names where it has any. */
export class EngineMetrics {
  private readonly steps: Histogram<'phase'>;
  private readonly stepAdapters: Histogram;
  private readonly stepTokens: Histogram;
  private readonly refusals: Counter<'reason'>;
  private readonly stalls: Histogram;

  constructor(
    private readonly metrics: Host['metrics'],
    sources: EngineMetricsSources,
  ) {
    const registers = [metrics];
    const [stepBuckets, stallBuckets] = [STEP_BUCKETS, STALL_BUCKETS];
    this.steps = new Histogram({
      name: 'openlora_step_seconds',
      help: 'Steps of the engine',
      labelNames: ['phase'],
      buckets: stepBuckets,
      registers,
    });
    const histogram = (name: string, help: string, buckets: number[]) =>
      new Histogram({ name, help, buckets, registers });
    this.stepAdapters = histogram('openlora_step_distinct_adapters', 'Adapters in a step', ADAPTER_BUCKETS);
    this.stepTokens = histogram('vllm:iteration_tokens_total', 'Tokens computed in a step', TOKEN_BUCKETS);
    this.stalls = histogram(
      'openlora_stream_backpressure_seconds',
      'How long readers held their streams back',
      stallBuckets,
    );
    this.refusals = new Counter({
      name: 'openlora_rejected_total',
      help: 'Requests refused with OVERLOADED',
      labelNames: ['reason'],
      registers,
    });
    this.gauges(sources);
    this.totals(sources);
    this.infos(sources);
  }

  step({ phase, seconds, tokens, distinctAdapters }: StepNote): void {
    this.steps.observe({ phase }, seconds);
    this.stepTokens.observe(tokens);
    this.stepAdapters.observe(distinctAdapters);
  }

  refused(reason: string): void {
    this.refusals.inc({ reason });
  }

  heldBack(seconds: number): void {
    this.stalls.observe(seconds);
  }

  private gauges({ load }: EngineMetricsSources): void {
    const gauge = (name: string, help: string, read: (load: EngineLoad) => number) =>
      new Gauge({
        name,
        help,
        registers: [this.metrics],
        collect() {
          this.set(read(load()));
        },
      });
    gauge('vllm:num_requests_running', 'Requests being computed', ({ running }) => running);
    gauge('vllm:num_requests_waiting', 'Requests that wait', ({ waiting }) => waiting);
    gauge(
      'vllm:kv_cache_usage_perc',
      'Share of the memory for keys and values, 0 to 1',
      (now) => now.kvUsage,
    );
    gauge('openlora_queue_tokens', 'Tokens still to be computed', ({ queuedTokens }) => queuedTokens);
    gauge(
      'openlora_vtc_gap_tokens',
      'Weighted tokens between the waiting tenants served most and least',
      (now) => now.servedGapTokens,
    );
  }

  /** Counted in the engine's thread, which begins at zero when it is started again. */
  private totals({ load }: EngineMetricsSources): void {
    const counter = (name: string, help: string, read: (load: EngineLoad) => number) => {
      let seen = 0;
      return new Counter({
        name,
        help,
        registers: [this.metrics],
        collect() {
          const total = read(load());
          this.inc(total >= seen ? total - seen : total);
          seen = total;
        },
      });
    };
    counter(
      'vllm:num_preemptions_total',
      'Rows that stood aside for another',
      (now) => now.totals.preemptions,
    );
    counter(
      'vllm:prefix_cache_queries_total',
      'Prompt tokens looked for in the prefix cache',
      (now) => now.totals.prefixQueriedTokens,
    );
    counter(
      'vllm:prefix_cache_hits_total',
      'Prompt tokens found in the prefix cache',
      (now) => now.totals.prefixHitTokens,
    );
  }

  private infos({ base, load }: EngineMetricsSources): void {
    new Gauge({
      name: 'vllm:cache_config_info',
      help: 'Memory for keys and values, in blocks',
      labelNames: ['block_size', 'num_gpu_blocks'],
      registers: [this.metrics],
      collect() {
        this.reset();
        const blocks = Math.floor(base().stripTokensMax / BLOCK_TOKENS);
        this.set({ block_size: String(BLOCK_TOKENS), num_gpu_blocks: String(blocks) }, 1);
      },
    });
    new Gauge({
      name: 'vllm:lora_requests_info',
      help: 'Adapters of running and waiting requests; the value is the time, as in vLLM',
      labelNames: ['max_lora', 'running_lora_adapters', 'waiting_lora_adapters'],
      registers: [this.metrics],
      collect() {
        this.reset();
        const { runningDigests, waitingDigests } = load();
        const names = (digests: readonly string[]) => digests.slice(0, NAMES_MAX).join();
        const labels = {
          max_lora: String(base().rowsMax),
          running_lora_adapters: names(runningDigests),
          waiting_lora_adapters: names(waitingDigests),
        };
        this.set(labels, Date.now() / 1_000);
      },
    });
  }
}
