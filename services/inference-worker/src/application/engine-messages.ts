import type { ModelConfig, Packing } from '@openledger/transformer';
import type { Sampling } from '../domain/sampling.js';
import type { AdapterLoad, AdapterOrder, AdapterReport } from './adapter-messages.js';
import type { GenerationPiece, WeightedReference } from './generation.js';
import type { PlainError } from './plain-error.js';

/** What the engine's thread is asked. */
export type EngineOrder =
  | RequestOrder
  /** The caller has left: nothing more is told. */
  | { readonly kind: 'cancel'; readonly id: number }
  /** The answer is not wanted any more, but its last piece is. */
  | { readonly kind: 'stop'; readonly id: number }
  /** The reader is behind, or has caught up. */
  | { readonly kind: 'pause' | 'resume'; readonly id: number }
  | AdapterOrder;

export interface RequestOrder {
  readonly kind: 'request';
  readonly id: number;
  readonly tenant: string;
  readonly tokens: readonly number[];
  readonly adapters: readonly WeightedReference[];
  /** Absent where the tokens are to be embedded. */
  readonly sampling: Sampling | undefined;
}

/** What the linear layers of the base are computed with. */
export interface KernelFacts {
  readonly provider: string;
  /** How the choice came about; see `servingPlan`. */
  readonly source: string;
  /** Linear layers by their precision. */
  readonly layers: Readonly<Record<string, number>>;
  /** Layers that need more bits than the fastest kernel has. */
  readonly widened: number;
  /** Perplexity over that in float32, where it was measured. */
  readonly perplexityRatio?: number;
}

export interface BaseFacts {
  readonly name: string;
  readonly digest: string;
  readonly config: ModelConfig;
  readonly contextTokens: number;
  /** Requests decoded together, at most. */
  readonly rowsMax: number;
  /** Strips of keys and values of all of them together, in tokens. */
  readonly stripTokensMax: number;
  /** The form in which adapters are taken in. */
  readonly packing: Packing;
  /** Absent where another server computes. */
  readonly kernels?: KernelFacts;
}

export interface EngineLoad {
  /** Requests whose prompt or answer is being computed. */
  readonly running: number;
  /** Requests that wait for a row, for their adapters or for their reader. */
  readonly waiting: number;
  /** Prompt tokens not read yet and answer tokens still allowed, of all requests. */
  readonly queuedTokens: number;
  /** Measured lately; 0 before the first request. */
  readonly prefillTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
  /** Share of the memory for keys and values in use, 0 to 1. */
  readonly kvUsage: number;
  /** Between the waiting tenants that were served most and least, in weighted tokens. */
  readonly servedGapTokens: number;
  /** Digests that requests use now, and that requests wait for. */
  readonly runningDigests: readonly string[];
  readonly waitingDigests: readonly string[];
  /** Since the engine's thread began. */
  readonly totals: {
    readonly preemptions: number;
    readonly prefixQueriedTokens: number;
    readonly prefixHitTokens: number;
  };
  readonly adapters: AdapterLoad;
}

/** Of an engine that has done nothing yet. */
export const idleLoad: EngineLoad = {
  running: 0,
  waiting: 0,
  queuedTokens: 0,
  prefillTokensPerSecond: 0,
  decodeTokensPerSecond: 0,
  kvUsage: 0,
  servedGapTokens: 0,
  runningDigests: [],
  waitingDigests: [],
  totals: { preemptions: 0, prefixQueriedTokens: 0, prefixHitTokens: 0 },
  adapters: {
    poolDigests: [],
    memoryDigests: [],
    loadingDigests: [],
    pinnedDigests: [],
    poolPages: 0,
    poolPagesUsed: 0,
    memoryBytes: 0,
    roomBytes: 0,
    largestBytes: 0,
  },
};

/** One step, for the metrics. */
export interface StepNote {
  readonly phase: 'prefill' | 'decode';
  readonly seconds: number;
  readonly tokens: number;
  readonly distinctAdapters: number;
}

/** What the engine's thread tells. */
export type EngineReport =
  | { readonly kind: 'ready'; readonly base: BaseFacts }
  | { readonly kind: 'piece'; readonly id: number; readonly piece: GenerationPiece }
  | { readonly kind: 'embedded'; readonly id: number; readonly values: Float32Array }
  | { readonly kind: 'failed'; readonly id: number; readonly error: PlainError }
  | { readonly kind: 'stepped'; readonly step: StepNote }
  | AdapterReport
  /** The adapters only where they changed. */
  | {
      readonly kind: 'load';
      readonly load: Omit<EngineLoad, 'adapters'>;
      readonly adapters?: AdapterLoad;
    };
