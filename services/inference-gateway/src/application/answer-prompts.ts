import type { ServableModel } from '../domain/model.js';
import { type Sampling, samplingOfChoice } from '../domain/sampling.js';
import { type AnswerParts, type AnswerPiece, AnswerQuestion, type Question } from './answer-question.js';
import { encodeEach } from './encode-each.js';
import { interleave } from './interleave.js';
import type { ModelCatalogue } from './model-catalogue.js';
import type { Payer } from './payer.js';
import type { EncodedPrompt, Prompt } from './ports.js';
import type { Admission, RateLimits } from './rate-limits.js';
import { RunGroup } from './run-group.js';

/** What a caller asks at once: every prompt answered `choices` times. */
export interface Asked {
  readonly payer: Payer;
  /** As the caller wrote it. */
  readonly model: string;
  readonly prompts: readonly Prompt[];
  readonly choices: number;
  readonly sampling: Sampling;
}

/** Counted through: all choices of the first prompt, then those of the second. */
export interface ChoicePiece extends AnswerPiece {
  readonly choice: number;
}

export interface Answer {
  /** Of each choice; by them the attributions and receipts are found. */
  readonly requestIds: readonly string[];
  readonly model: ServableModel;
  readonly askedAt: Date;
  /** As they come, of all choices mixed. To be read to its end or returned from. */
  readonly pieces: AsyncGenerator<ChoicePiece>;
}

/** Runs that one request may have: prompts times choices. */
export const RUNS_MAX = 32;

export interface AnswerPromptsParts extends AnswerParts {
  readonly catalogue: ModelCatalogue;
  readonly rateLimits: RateLimits;
}

/**
 * Answers prompts, each so many times as is asked for. Every choice is a run of its own with its own seed,
 * hold and receipt; the prompt is billed with the first. A request fails as a whole: no choice is billed then.
 */
export class AnswerPrompts {
  private readonly questions: AnswerQuestion;

  constructor(private readonly parts: AnswerPromptsParts) {
    this.questions = new AnswerQuestion(parts);
  }

  /** Resolves with the first token at hand, so that every refusal is still a plain error. @throws DomainError */
  async begin(asked: Asked, callerGone: AbortSignal): Promise<Answer> {
    const { base, catalogue, clock, rateLimits } = this.parts;
    const askedAt = clock.now();
    const admission = rateLimits.admit(asked.payer);
    const model = await catalogue.find(asked.model);
    const prompts = await encodeEach(base, asked.prompts);
    const questions = prompts.flatMap((prompt) => questionsOf(asked, prompt, { model, askedAt }));
    admission.reserve(tokensOf(questions, base.contextTokens));
    try {
      return await this.start(questions, { model, askedAt, admission }, callerGone);
    } catch (error) {
      admission.settle(0);
      throw error;
    }
  }

  private async start(
    questions: readonly Question[],
    { model, askedAt, admission }: { model: ServableModel; askedAt: Date; admission: Admission },
    callerGone: AbortSignal,
  ): Promise<Answer> {
    const jobs = await this.questions.prepareAll(questions);
    const left = new AbortController();
    const ends = {
      callerGone: AbortSignal.any([callerGone, left.signal]),
      group: new RunGroup(jobs.length),
    };
    const runs = jobs.map((job) => this.questions.run(job, ends));
    const pieces = inOrder(runs, () => left.abort());
    const first = await pieces.next();
    return {
      requestIds: jobs.map(({ requestId }) => requestId),
      model,
      askedAt,
      pieces: settling(startingWith(first, pieces), promptTokensOf(questions), admission),
    };
  }
}

/** The choices of one prompt. */
const questionsOf = (
  { payer, sampling, choices }: Asked,
  { tokens, context }: EncodedPrompt,
  of: Pick<Question, 'model' | 'askedAt'>,
): Question[] =>
  Array.from({ length: choices }, (_, choice) => ({
    ...of,
    promptTokens: tokens,
    context,
    organisationId: payer.organisationId,
    promptIsBilled: choice === 0,
    sampling: samplingOfChoice(sampling, choice),
  }));

async function* inOrder(
  runs: readonly AsyncGenerator<AnswerPiece>[],
  leave: () => void,
): AsyncGenerator<ChoicePiece> {
  const merged = interleave(runs);
  let ended = false;
  try {
    for (let next = await merged.next(); !next.done; next = await merged.next())
      yield { choice: next.value.source, ...next.value.item };
    ended = true;
  } finally {
    // Runs that are in the middle of something end at once; their money is settled before this returns.
    if (!ended) leave();
    await merged.return(undefined);
  }
}

async function* startingWith<T>(first: IteratorResult<T>, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    for (let next = first; !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return(undefined);
  }
}

/** A prompt counts once, however many choices it has. */
const promptTokensOf = (questions: readonly Question[]): number =>
  questions.reduce(
    (sum, { promptTokens, promptIsBilled }) => sum + (promptIsBilled ? promptTokens.length : 0),
    0,
  );

/** The most tokens that all runs together may read and write. */
function tokensOf(questions: readonly Question[], contextTokens: number): number {
  const written = questions.reduce((sum, { promptTokens, sampling }) => {
    const room = Math.max(0, contextTokens - promptTokens.length);
    return sum + Math.min(sampling.maxTokens, room);
  }, 0);
  return promptTokensOf(questions) + written;
}

/** Counts what was used against the limit: of choices that were broken off, their pieces. */
async function* settling(
  pieces: AsyncGenerator<ChoicePiece>,
  promptTokens: number,
  admission: Admission,
): AsyncGenerator<ChoicePiece> {
  const written = new Map<number, number>();
  try {
    for await (const piece of pieces) {
      const counted = (written.get(piece.choice) ?? 0) + (piece.finishReason === undefined ? 1 : 0);
      written.set(piece.choice, piece.end?.completionTokens ?? counted);
      yield piece;
    }
  } finally {
    admission.settle(promptTokens + [...written.values()].reduce((sum, tokens) => sum + tokens, 0));
  }
}
