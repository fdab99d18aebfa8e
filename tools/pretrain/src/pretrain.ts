import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { canonicalJson, type Json } from '@openledger/kernel';
import { type Example, streamBatches, type Tensor, Trainer } from '@openledger/transformer';
import { documents, readOwnSources } from './corpus/corpus.js';
import type { Plan } from './plan.js';
import { ProgressBar } from './progress-bar.js';
import { makeTokenizer, type TokenizerFiles, tokenStream } from './text-tokens.js';

export interface PretrainOptions {
  /** Checkpoints go into a folder of this one, named after the plan and the text. */
  readonly cache: string;
  readonly threads: number;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal;
  /** Where to draw the progress bar. */
  readonly progress?: NodeJS.WritableStream;
  /** Called after every step with the number of steps done. */
  readonly onStep?: (step: number) => void;
}

export interface Pretrained {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly tokenizer: TokenizerFiles;
  readonly trainingTokens: number;
  readonly heldOut: HeldOut;
}

export interface HeldOut {
  readonly examples: readonly Example[];
  readonly tokens: number;
  /** UTF-8 bytes of text per token. */
  readonly bytesPerToken: number;
}

/** Steps between measurements of the held-out loss. */
const evaluateEvery = 400;
const checkpointEvery = 100;

/** Non-overlapping windows of a stream, every token but the first predicted once. */
function windows(tokens: Uint16Array, length: number): Example[] {
  const examples: Example[] = [];
  for (let start = 0; start + 1 < tokens.length; start += length) {
    const end = Math.min(start + length, tokens.length - 1);
    examples.push({
      inputIds: Int32Array.from(tokens.subarray(start, end)),
      labels: Int32Array.from(tokens.subarray(start + 1, end + 1)),
    });
  }
  return examples;
}

/** Two runs share a checkpoint only when plan, tokenizer and text are the same. */
function runName(plan: Plan, tokenizer: TokenizerFiles, tokens: Uint16Array): string {
  const hash = createHash('sha256').update(canonicalJson(plan as unknown as Json));
  hash.update(JSON.stringify(tokenizer.json)).update(tokens);
  return hash.digest('hex').slice(0, 16);
}

/** Makes the text and the tokenizer, then trains every weight, from the last checkpoint where there is one. */
export async function pretrain(plan: Plan, options: PretrainOptions): Promise<Pretrained> {
  const { log } = options;
  const sources = readOwnSources();
  const files = makeTokenizer(plan, sources);
  const tokenizer = new Tokenizer(files.json, files.config);
  log(`Tokenizer: ${plan.vocabularySize} tokens. Rendering ${plan.trainingDocuments} documents …`);
  const tokens = tokenStream(sources, tokenizer, { split: 'train', count: plan.trainingDocuments });
  const heldOutTokens = tokenStream(sources, tokenizer, { split: 'held-out', count: plan.heldOutDocuments });
  let heldOutBytes = 0;
  for (const text of documents(sources, 'held-out', plan.heldOutDocuments))
    heldOutBytes += Buffer.byteLength(text);
  log(`Text: ${tokens.length} training tokens, ${heldOutTokens.length} held out.`);

  const trainer = await Trainer.forAll(plan.model, {
    seed: plan.seed,
    maxLength: plan.length,
    threads: options.threads,
    optimizer: { weightDecay: plan.weightDecay, beta2: plan.beta2 },
  });
  const heldOut = windows(heldOutTokens, plan.length);
  const bar = options.progress && new ProgressBar(options.progress);
  let smoothed: number | undefined;
  await trainer.train({
    batches: streamBatches(tokens, { rows: plan.rows, length: plan.length }, plan.seed),
    schedule: plan.schedule,
    checkpoint: { folder: join(options.cache, runName(plan, files, tokens)), everySteps: checkpointEvery },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onProgress: async ({ step, steps, loss, tokensPerSecond }) => {
      smoothed = smoothed === undefined ? loss : 0.95 * smoothed + 0.05 * loss;
      const note = `loss ${smoothed.toFixed(3)} · ${Math.round(tokensPerSecond)} tokens/s`;
      options.onStep?.(step);
      bar?.show({ done: step, total: steps, note });
      if (step % evaluateEvery !== 0 || step === steps) return;
      log(`Held-out loss after ${step} steps: ${(await trainer.evaluate(heldOut)).loss.toFixed(4)}`);
    },
  });
  const tensors = new Map(trainer.tensors);
  await trainer.release();
  return {
    tensors,
    tokenizer: files,
    trainingTokens: tokens.length,
    heldOut: {
      examples: heldOut,
      tokens: heldOutTokens.length,
      bytesPerToken: heldOutBytes / heldOutTokens.length,
    },
  };
}
