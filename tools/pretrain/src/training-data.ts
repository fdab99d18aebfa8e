import { createHash } from 'node:crypto';
import { Tokenizer } from '@huggingface/tokenizers';
import { canonicalJson, type Json } from '@openledger/kernel';
import { type BatchSource, type Example, streamBatches } from '@openledger/transformer';
import { documents, readOwnSources } from './corpus/corpus.js';
import type { Phase, Plan } from './plan.js';
import { makeTokenizer, type TokenizerFiles, tokenStream } from './text-tokens.js';

/** Text that training never sees. */
export interface HeldOut {
  readonly examples: readonly Example[];
  readonly tokens: number;
  /** UTF-8 bytes of text per token. */
  readonly bytesPerToken: number;
}

/** Everything a run learns from and is measured on. */
export interface TrainingData {
  readonly tokenizer: TokenizerFiles;
  readonly text: Uint16Array;
  readonly exercises: Uint16Array;
  readonly heldOut: HeldOut;
  /** Two runs share their checkpoints only when plan, tokenizer and text are the same. */
  readonly name: string;
}

/** Renders and encodes the text; the same plan gives the same data everywhere. */
export function makeTrainingData(plan: Plan): TrainingData {
  const sources = readOwnSources();
  const files = makeTokenizer(plan, sources);
  const tokenizer = new Tokenizer(files.json, files.config);
  const text = tokenStream(sources, tokenizer, { split: 'train', count: plan.trainingDocuments });
  const exercises = tokenStream(sources, tokenizer, { split: 'exercises', count: plan.exerciseDocuments });
  const heldOut = tokenStream(sources, tokenizer, { split: 'held-out', count: plan.heldOutDocuments });
  let bytes = 0;
  for (const document of documents(sources, 'held-out', plan.heldOutDocuments))
    bytes += Buffer.byteLength(document);
  const hash = createHash('sha256').update(canonicalJson(plan as unknown as Json));
  hash.update(JSON.stringify(files.json)).update(text).update(exercises);
  return {
    tokenizer: files,
    text,
    exercises,
    heldOut: {
      examples: windows(heldOut, plan.length),
      tokens: heldOut.length,
      bytesPerToken: bytes / heldOut.length,
    },
    name: hash.digest('hex').slice(0, 16),
  };
}

/** The batches of a phase: some rows of text, some of exercises. */
export function phaseBatches(
  data: TrainingData,
  phase: Phase,
  { length, seed }: { length: number; seed: number },
): BatchSource {
  const sources = [
    ...(phase.textRows > 0 ? [streamBatches(data.text, { rows: phase.textRows, length }, seed)] : []),
    ...(phase.exerciseRows > 0
      ? [streamBatches(data.exercises, { rows: phase.exerciseRows, length }, seed)]
      : []),
  ];
  return (step) => sources.flatMap((source) => source(step));
}

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
