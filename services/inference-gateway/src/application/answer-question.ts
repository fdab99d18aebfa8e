import { type Clock, DomainError, invariant, newId } from '@openledger/kernel';
import type { ServableModel } from '../domain/model.js';
import { completionLimit, type Sampling } from '../domain/sampling.js';
import type { ModelCatalogue } from './model-catalogue.js';
import type { Balances, BaseModel, Prompt, Receipts, RunPiece, WorkerReceipt, Workers } from './ports.js';

export interface Question {
  readonly organisationId: string;
  /** As the caller wrote it. */
  readonly model: string;
  readonly prompt: Prompt;
  readonly sampling: Sampling;
}

export interface AnswerEnd {
  readonly finishReason: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** New text, or the end of the answer; the receipt is durable before the end is told. */
export interface AnswerPiece {
  readonly text: string;
  readonly end?: AnswerEnd;
}

export interface Answer {
  readonly requestId: string;
  readonly model: ServableModel;
  readonly startedAt: Date;
  /** To be read to its end or returned from: either way the answer is accounted for. */
  readonly pieces: AsyncGenerator<AnswerPiece>;
}

export interface AnswerParts {
  readonly catalogue: ModelCatalogue;
  readonly base: BaseModel;
  readonly balances: Balances;
  readonly workers: Workers;
  readonly receipts: Receipts;
  readonly clock: Clock;
}

interface Job {
  readonly requestId: string;
  readonly question: Question;
  readonly model: ServableModel;
  readonly promptTokens: readonly number[];
  readonly holdId: string;
  readonly startedAt: Date;
  readonly pieces: AsyncIterator<RunPiece>;
  readonly callerGone: AbortSignal;
  readonly cancelRun: () => void;
}

/**
 * Serves one question: sets the most that it can cost aside, runs it, and either records the answer (which
 * bills it) or gives the money back. Billed is what was produced, also when the caller leaves in the
 * middle; nothing is billed when no token was produced or when the platform failed to finish.
 */
export class AnswerQuestion {
  constructor(private readonly parts: AnswerParts) {}

  /** Resolves with the first token at hand, so that every refusal is still a plain error. @throws DomainError */
  async begin(question: Question, callerGone: AbortSignal): Promise<Answer> {
    const { catalogue, base, clock } = this.parts;
    const startedAt = clock.now();
    const model = await catalogue.find(question.model);
    const promptTokens = base.encode(question.prompt);
    const maxTokens = completionLimit(question.sampling.maxTokens, promptTokens.length, base.contextTokens);
    const requestId = newId(startedAt.getTime());
    const holdId = await this.hold(question, model, { requestId, prompt: promptTokens.length, maxTokens });

    const running = new AbortController();
    const run = this.parts.workers.run(
      {
        requestId,
        promptTokens,
        adapters: model.adapter ? [{ adapter: model.adapter, weight: 1 }] : [],
        sampling: { ...question.sampling, maxTokens },
        tenant: question.organisationId,
      },
      AbortSignal.any([callerGone, running.signal]),
    );
    const job: Job = {
      requestId,
      question,
      model,
      promptTokens,
      holdId,
      startedAt,
      pieces: run[Symbol.asyncIterator](),
      callerGone,
      cancelRun: () => running.abort(),
    };
    try {
      const first = await job.pieces.next();
      if (first.done) throw brokenOff();
      return { requestId, model, startedAt, pieces: this.deliver(job, first.value) };
    } catch (error) {
      job.cancelRun();
      await this.release(holdId);
      throw error;
    }
  }

  private async *deliver(job: Job, first: RunPiece): AsyncGenerator<AnswerPiece> {
    const produced = new Produced(job.model, this.parts.clock.now());
    let failed = false;
    try {
      for (let piece: RunPiece | undefined = first; piece; piece = await nextOf(job.pieces)) {
        produced.add(piece);
        if (piece.text !== '') yield { text: piece.text };
        if (produced.finishReason !== '') break;
      }
      if (produced.finishReason === '') throw brokenOff();
    } catch (error) {
      failed = !job.callerGone.aborted;
      if (failed) throw error;
    } finally {
      job.cancelRun();
      if (!failed && produced.finishReason === '') await readOn(job.pieces, produced);
      if (failed || produced.completion.length === 0) await this.release(job.holdId);
      else await this.record(job, produced);
    }
    const { finishReason, completion } = produced;
    yield {
      text: '',
      end: { finishReason, promptTokens: job.promptTokens.length, completionTokens: completion.length },
    };
  }

  private async hold(
    { organisationId }: Question,
    { modelId, adapter }: ServableModel,
    sizes: { requestId: string; prompt: number; maxTokens: number },
  ): Promise<string> {
    if (adapter === undefined) return '';
    const { requestId, prompt, maxTokens } = sizes;
    return this.parts.balances.hold({
      requestId,
      organisationId,
      modelId,
      promptTokens: prompt,
      completionTokensMax: maxTokens,
    });
  }

  private async release(holdId: string): Promise<void> {
    if (holdId !== '') await this.parts.balances.release(holdId);
  }

  private async record(job: Job, produced: Produced): Promise<void> {
    const servedAt = this.parts.clock.now();
    const since = (at: Date) => Math.max(0, at.getTime() - job.startedAt.getTime());
    await this.parts.receipts.record({
      requestId: job.requestId,
      organisationId: job.question.organisationId,
      model: job.model,
      holdId: job.holdId,
      promptTokens: job.promptTokens,
      completionTokens: produced.completion,
      cachedTokens: produced.cachedTokens,
      ...(produced.receipt ? { workerReceipt: produced.receipt } : {}),
      finishReason: produced.finishReason || 'cancelled',
      servedAt,
      timeToFirstTokenMs: since(produced.firstTokenAt),
      durationMs: since(servedAt),
    });
  }
}

/** What a run has given so far. */
class Produced {
  readonly completion: number[] = [];
  finishReason = '';
  cachedTokens = 0;
  receipt: WorkerReceipt | undefined;

  constructor(
    private readonly model: ServableModel,
    readonly firstTokenAt: Date,
  ) {}

  add(piece: RunPiece): void {
    const expected = this.model.adapter?.digest ?? '';
    invariant(piece.adapterDigests.join() === expected, 'the worker used the adapter that was asked for');
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
