import { EngineThread, type EngineThreadOptions, plainSampling } from '@openledger/inference-worker/engine';
import type { ModelConfig } from '@openledger/transformer';
import { randomModelFolder } from './random-model.js';

const MIB = 1_024 * 1_024;

export interface Question {
  readonly tokens: readonly number[];
  /** Exactly so many are generated. */
  readonly answerTokens: number;
  readonly tenant?: string;
}

export interface Timing {
  /** Milliseconds from asking to the first and to the last token. */
  readonly firstMs: number;
  readonly totalMs: number;
  readonly cachedTokens: number;
}

/**
 * The worker's engine as a service runs it, in its own thread.
 *
 * @param model a folder, or shapes to fill with random weights
 */
export async function openEngine(
  model: ModelConfig | string,
  settings: Partial<EngineThreadOptions['engine']> = {},
  adapters: Partial<Pick<EngineThreadOptions, 'adapters' | 'onAdapterNote'>> = {},
): Promise<EngineThread> {
  return EngineThread.start({
    engine: {
      modelDir: typeof model === 'string' ? model : await randomModelFolder(model),
      rowsMax: 8,
      prefillChunkTokens: 128,
      contextTokensMax: 1_024,
      kvCacheBytes: 512 * MIB,
      prefixCacheBytes: 0,
      adapterPages: 1,
      adapterCacheBytes: MIB,
      threads: 1,
      kernels: { precision: 'int8', provider: 'cpu', planDir: undefined },
      ...settings,
    },
    adapters: () => ({ load: () => Promise.reject(new Error('no adapters are served here')) }),
    onAdapterNote: () => undefined,
    ...adapters,
    onStep: () => undefined,
    requests: {
      limits: { requestsMax: 10_000, tokensMax: 100_000_000 },
      stream: { piecesMax: 100_000, stallMs: 60_000 },
      refused: () => undefined,
      heldBack: () => undefined,
    },
    onCrash: (error) => {
      throw error;
    },
  });
}

export async function ask(
  engine: EngineThread,
  question: Question,
  signal: AbortSignal = new AbortController().signal,
): Promise<Timing> {
  const { tokens: promptTokens, answerTokens, tenant = '' } = question;
  const sampling = { ...plainSampling, maxTokens: answerTokens, ignoreEos: true };
  const request = { requestId: '', tenant, adapters: [], promptTokens, sampling };
  const begun = performance.now();
  let firstMs = 0;
  let cachedTokens = 0;
  for await (const piece of engine.generate(request, signal)) {
    firstMs ||= performance.now() - begun;
    cachedTokens = piece.cachedTokens;
  }
  return { firstMs, totalMs: performance.now() - begun, cachedTokens };
}

/** Prompts that share no block of tokens. */
export function randomPrompt(length: number, random: () => number, vocabSize: number): number[] {
  return Array.from({ length }, () => Math.floor(random() * vocabSize));
}

/** A time between events that come independently of one another, and a length of answers as people get them. */
export const exponential = (mean: number, random: () => number): number => -mean * Math.log(1 - random());
