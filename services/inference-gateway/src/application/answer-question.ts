import { type Clock, DomainError, invariant, newId } from '@openledger/kernel';
import type { ServableModel } from '../domain/model.js';
import { completionLimit, type Sampling } from '../domain/sampling.js';
import type { Payment, Payments } from './payments.js';
import type { BaseModel, ContextRange, RunPiece, TokenLogprob, WorkerReceipt, Workers } from './ports.js';
import type { RunGroup } from './run-group.js';

/** One prompt that is to be answered once. */
export interface Question {
  readonly organisationId: string;
  readonly model: ServableModel;
  readonly promptTokens: readonly number[];
  readonly context: readonly ContextRange[];
  /** False for all choices of a prompt but the first. */
  readonly promptIsBilled: boolean;
  readonly sampling: Sampling;
  readonly askedAt: Date;
}

export interface AnswerEnd {
  readonly finishReason: string;
  /** As they are billed. */
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Of the billed prompt tokens. */
  readonly cachedTokens: number;
}

/**
 * New text with what is known of its tokens; then why there is no more of it, at once; then the end, when all runs of
 * the request have ended and the receipt is durable.
 */
export interface AnswerPiece {
  readonly text: string;
  readonly logprobs: readonly TokenLogprob[];
  readonly finishReason?: string;
  readonly end?: AnswerEnd;
}

export interface AnswerParts {
  readonly base: BaseModel;
  readonly payments: Payments;
  readonly workers: Workers;
  readonly clock: Clock;
}

/** A question that is paid for and may run. */
export interface Job {
  readonly requestId: string;
  readonly question: Question;
  readonly maxTokens: number;
  readonly payment: Payment;
}

/** What can end a run early. */
export interface RunEnds {
  readonly callerGone: AbortSignal;
  readonly group: RunGroup;
}

/**
 * Serves one question: sets the most that it can cost aside, runs it, and either records the answer (which
 * bills it) or gives the money back. Billed is what was produced, also when the caller leaves in the
 * middle; nothing is billed when no token was produced or when the platform failed to finish.
 */
export class AnswerQuestion {
  constructor(private readonly parts: AnswerParts) {}

  /** All are paid for before any runs. @throws DomainError */
  async prepareAll(questions: readonly Question[]): Promise<Job[]> {
    const { contextTokens } = this.parts.base;
    const sized = questions.map((question) => ({
      requestId: newId(question.askedAt.getTime()),
      question,
      maxTokens: completionLimit(question.sampling.maxTokens, question.promptTokens.length, contextTokens),
    }));
    const payments = await this.parts.payments.beginAll(
      sized.map(({ requestId, question, maxTokens }) => ({
        requestId,
        organisationId: question.organisationId,
        model: question.model,
        promptTokens: billedPrompt(question),
        completionTokensMax: maxTokens,
      })),
    );
    return sized.flatMap((job, at) => {
      const payment = payments[at];
      return payment ? [{ ...job, payment }] : [];
    });
  }

  /** To be read to its end, or returned from once it has begun: either way the answer is accounted for. */
  async *run(job: Job, { callerGone, group }: RunEnds): AsyncGenerator<AnswerPiece> {
    const running = new AbortController();
    const pieces = this.start(job, AbortSignal.any([callerGone, group.signal, running.signal]));
    const produced = new Produced(job.question.model, this.parts.clock);
    let failed = false;
    try {
      for (let piece = await nextOf(pieces); piece; piece = await nextOf(pieces)) {
        produced.add(piece);
        const { text, logprobs } = piece;
        if (text !== '' || logprobs.length > 0) yield { text, logprobs };
        if (produced.finishReason !== '') break;
      }
      if (!produced.isComplete) throw brokenOff();
      yield { text: '', logprobs: [], finishReason: produced.finishReason };
    } catch (error) {
      failed = !callerGone.aborted;
      if (failed) throw error;
    } finally {
      if (failed) group.fail();
      running.abort();
      if (!failed && produced.finishReason === '') await readOn(pieces, produced);
      await pieces.return?.();
      failed ||= !(await group.done());
      if (failed || produced.completion.length === 0) await job.payment.release();
      else await this.record(job, produced);
    }
    if (failed) throw brokenOff();
    yield { text: '', logprobs: [], end: endOf(job, produced) };
  }

  private start({ requestId, question, maxTokens }: Job, signal: AbortSignal): AsyncIterator<RunPiece> {
    const { model, promptTokens, sampling, organisationId } = question;
    const request = {
      requestId,
      promptTokens,
      adapters: model.adapter ? [{ adapter: model.adapter, weight: 1 }] : [],
      sampling: { ...sampling, maxTokens },
      tenant: organisationId,
    };
    return this.parts.workers.run(request, signal)[Symbol.asyncIterator]();
  }

  private async record({ requestId, question, payment }: Job, produced: Produced): Promise<void> {
    const servedAt = this.parts.clock.now();
    const since = (at: Date) => Math.max(0, at.getTime() - question.askedAt.getTime());
    await payment.record({
      requestId,
      organisationId: question.organisationId,
      model: question.model,
      promptTokens: question.promptTokens,
      context: question.context,
      promptTokensBilled: billedPrompt(question),
      completionTokens: produced.completion,
      cachedTokens: cachedOf(question, produced),
      ...(produced.receipt ? { workerReceipt: produced.receipt } : {}),
      finishReason: produced.finishReason || 'cancelled',
      servedAt,
      timeToFirstTokenMs: since(produced.firstAt ?? servedAt),
      durationMs: since(servedAt),
    });
  }
}

const billedPrompt = ({ promptIsBilled, promptTokens }: Question): number =>
  promptIsBilled ? promptTokens.length : 0;

const cachedOf = (question: Question, { cachedTokens }: Produced): number =>
  Math.min(cachedTokens, billedPrompt(question));

const endOf = ({ question }: Job, produced: Produced): AnswerEnd => ({
  finishReason: produced.finishReason,
  promptTokens: billedPrompt(question),
  completionTokens: produced.completion.length,
  cachedTokens: cachedOf(question, produced),
});

/** What a run has given so far. */
class Produced {
  readonly completion: number[] = [];
  finishReason = '';
  cachedTokens = 0;
  receipt: WorkerReceipt | undefined;
  firstAt: Date | undefined;

  constructor(
    private readonly model: ServableModel,
    private readonly clock: Clock,
  ) {}

  /** A run that the worker cancelled by itself is none. */
  get isComplete(): boolean {
    return this.finishReason !== '' && this.finishReason !== 'cancelled';
  }

  add(piece: RunPiece): void {
    const expected = this.model.adapter?.digest ?? '';
    invariant(piece.adapterDigests.join() === expected, 'the worker used the adapter that was asked for');
    this.firstAt ??= this.clock.now();
    this.completion.push(...piece.tokens);
    this.finishReason = piece.finishReason;
    this.cachedTokens = Math.max(this.cachedTokens, piece.cachedTokens);
    this.receipt = piece.receipt;
  }
}

/** After the caller has left: what the worker still tells, above all its receipt. */
async function readOn(pieces: AsyncIterator<RunPiece>, produced: Produced): Promise<void> {
  try {
    for (let piece = await nextOf(pieces); piece; piece = await nextOf(pieces)) produced.add(piece);
  } catch {
    // Billed is what came.
  }
}

async function nextOf(pieces: AsyncIterator<RunPiece>): Promise<RunPiece | undefined> {
  const next = await pieces.next();
  return next.done ? undefined : next.value;
}

const brokenOff = (): DomainError =>
  new DomainError(
    'unavailable',
    'ANSWER_BROKEN_OFF',
    'The worker broke off in the middle: ask again. Nothing was billed.',
  );
