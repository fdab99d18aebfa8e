import { DomainError } from '@openledger/kernel';
import { completionExample, type Example, type LoraWeights, type Scorer } from '@openledger/transformer';
import type { AnswerLikelihoods } from '../../domain/credit/pools.js';
import {
  type ChunkMethod,
  methodFor,
  playerValues,
  subsetsToScore,
} from '../../domain/retrieval/chunk-values.js';
import type { Estimate } from '../../domain/retrieval/context-cite.js';
import type { Player } from '../../domain/retrieval/players.js';
import type { ContextRange } from '../context-ranges.js';
import type { AnswerWithContext } from './answer-context.js';

/** What scores answers, and how long a sequence it takes. */
export interface AnswerScorer {
  readonly scorer: Pick<Scorer, 'logProbabilities'>;
  readonly adapter: LoraWeights;
  readonly tokensMax: number;
}

export interface ContextCredits {
  /** Of the answer, for the pools. */
  readonly likelihoods: AnswerLikelihoods;
  /** log p of each token of the answer after the whole prompt, by the base model and with the adapter. */
  readonly byToken: { readonly base: Float32Array; readonly adapter: Float32Array };
  /** Nats that each player adds. */
  readonly players: readonly Estimate[];
  /** Absent where nothing was retrieved. */
  readonly method?: ChunkMethod;
}

/**
 * Scores a fixed answer with and without the adapter, and with subsets of its retrieved chunks in the prompt; always in
 * the same order and batches, so the same inputs give the same bits. Two scorings where nothing was retrieved; else at
 * most 4 + 2^m for m players up to five, and 36 above.
 *
 * @param players of the answer's chunks, at least one where there are chunks
 * @throws DomainError CONTEXT_RANGES_INVALID
 */
export async function contextCredits(
  { scorer, adapter, tokensMax }: AnswerScorer,
  answer: AnswerWithContext,
  players: readonly Player[],
): Promise<ContextCredits> {
  const prompt = cutAnswer(answer, tokensMax);
  const all = 2 ** players.length - 1;
  const example = (subset: number) => exampleOf(prompt, players, subset);
  const subsets = subsetsToScore(players.length, answer.requestId);
  const byAdapter = await scored(scorer, subsets.map(example), adapter);
  const ends = all === 0 ? [all] : [all, 0];
  const [byBase = new Float32Array(0), alone = byBase] = await scorer.logProbabilities(ends.map(example));
  const logs = new Map(subsets.map((subset, i) => [subset, byAdapter[i] ?? new Float32Array(0)]));
  const logLikelihoods = new Map([...logs].map(([subset, values]) => [subset, sum(values)]));
  const tokens = Math.max(1, prompt.completionTokens.length);
  return {
    likelihoods: {
      base: sum(alone),
      adapter: logLikelihoods.get(0) ?? 0,
      context: sum(byBase),
      both: logLikelihoods.get(all) ?? 0,
    },
    byToken: { base: byBase, adapter: logs.get(all) ?? new Float32Array(0) },
    players:
      all === 0 ? [] : playerValues(players.length, { requestId: answer.requestId, logLikelihoods, tokens }),
    ...(all > 0 && { method: methodFor(players.length) }),
  };
}

/** Batches of sequences that are about as long as one another waste least on padding. */
async function scored(
  scorer: AnswerScorer['scorer'],
  examples: readonly Example[],
  adapter: LoraWeights,
): Promise<Float32Array[]> {
  const lengthOf = (at: number) => examples[at]?.inputIds.length ?? 0;
  const order = examples.map((_, at) => at).sort((a, b) => lengthOf(a) - lengthOf(b) || a - b);
  const values = await scorer.logProbabilities(
    order.flatMap((at) => examples[at] ?? []),
    adapter,
  );
  const results: Float32Array[] = [];
  for (const [i, at] of order.entries()) results[at] = values[i] ?? new Float32Array(0);
  return results;
}

/** The prompt loses its beginning where it is too long, then the answer its end; what is left of chunks stays. */
export function cutAnswer(
  { promptTokens, completionTokens, context }: AnswerWithContext,
  tokensMax: number,
): Omit<AnswerWithContext, 'requestId' | 'context'> & {
  readonly context: readonly Omit<ContextRange, 'recordId'>[];
} {
  check(context, promptTokens.length);
  const dropped = Math.max(0, promptTokens.length - Math.max(1, tokensMax - completionTokens.length));
  return {
    promptTokens: promptTokens.slice(dropped),
    completionTokens: completionTokens.slice(0, tokensMax - (promptTokens.length - dropped)),
    context: context.map(({ start, end }) => ({
      start: Math.max(0, start - dropped),
      end: Math.max(0, end - dropped),
    })),
  };
}

/** The question stands behind the chunks, so a prompt never ends in one. */
function check(context: readonly ContextRange[], promptLength: number): void {
  let from = 0;
  for (const { start, end } of context) {
    if (start < from || end <= start || end >= promptLength)
      throw new DomainError(
        'invalid',
        'CONTEXT_RANGES_INVALID',
        `The chunk at ${start} to ${end} does not lie in its prompt of ${promptLength} tokens, or not behind the one before.`,
      );
    from = end;
  }
}

/** The prompt with only a subset's chunks in it, and the answer. */
function exampleOf(
  { promptTokens, completionTokens, context }: ReturnType<typeof cutAnswer>,
  players: readonly Player[],
  subset: number,
): Example {
  const left = new Set(players.flatMap(({ chunks }, i) => ((subset >>> i) & 1 ? [] : chunks)));
  const outside = context.filter((_, at) => left.has(at));
  const kept = promptTokens.filter((_, t) => outside.every(({ start, end }) => t < start || t >= end));
  return completionExample([...kept, ...completionTokens], kept.length);
}

const sum = (values: Float32Array): number => values.reduce((total, value) => total + value, 0);
