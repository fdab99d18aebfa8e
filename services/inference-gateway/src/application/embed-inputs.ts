import { type Clock, DomainError, invariant, newId } from '@openledger/kernel';
import type { ServableModel } from '../domain/model.js';
import { encodeEach } from './encode-each.js';
import type { ModelCatalogue } from './model-catalogue.js';
import type { Payments } from './payments.js';
import type { BaseModel, EmbedAnswer, Prompt, Workers } from './ports.js';

export interface EmbedQuestion {
  readonly organisationId: string;
  /** As the caller wrote it. */
  readonly model: string;
  readonly inputs: readonly Prompt[];
}

export interface EmbeddedInputs {
  readonly requestId: string;
  readonly model: ServableModel;
  /** In the order of the inputs. */
  readonly embeddings: readonly (readonly number[])[];
  readonly promptTokens: number;
}

export interface EmbedParts {
  readonly catalogue: ModelCatalogue;
  readonly base: BaseModel;
  readonly payments: Payments;
  readonly workers: Workers;
  readonly clock: Clock;
}

export const EMBED_INPUTS_MAX = 128;
/** Of all inputs of a request together: bounds what one call holds a worker up. */
export const EMBED_TOKENS_MAX = 32_768;

/** Embeds inputs by one call to a worker; billed by their tokens, all or nothing. */
export class EmbedInputs {
  constructor(private readonly parts: EmbedParts) {}

  /** Numbers in an embedding. */
  get dimensions(): number {
    return this.parts.base.dimensions;
  }

  /** @throws DomainError */
  async embed(question: EmbedQuestion, callerGone: AbortSignal): Promise<EmbeddedInputs> {
    const { catalogue, clock, payments, workers } = this.parts;
    const { organisationId } = question;
    const askedAt = clock.now();
    const model = await catalogue.find(question.model);
    const inputs = await this.encode(question.inputs);
    const promptTokens = inputs.flat();
    const requestId = newId(askedAt.getTime());
    const paid = { requestId, organisationId, model };
    const payment = await payments.begin({
      ...paid,
      promptTokens: promptTokens.length,
      completionTokensMax: 0,
    });
    let answer: EmbedAnswer;
    try {
      const adapters = model.adapter ? [{ adapter: model.adapter, weight: 1 }] : [];
      answer = await workers.embed({ requestId, adapters, tenant: organisationId, inputs }, callerGone);
      check(answer, model, inputs.length);
    } catch (error) {
      await payment.release();
      throw error;
    }
    const servedAt = clock.now();
    const durationMs = Math.max(0, servedAt.getTime() - askedAt.getTime());
    await payment.record({
      ...paid,
      promptTokens,
      promptTokensBilled: promptTokens.length,
      completionTokens: [],
      cachedTokens: 0,
      ...(answer.receipt ? { workerReceipt: answer.receipt } : {}),
      finishReason: 'stop',
      servedAt,
      timeToFirstTokenMs: durationMs,
      durationMs,
    });
    return { requestId, model, embeddings: answer.embeddings, promptTokens: promptTokens.length };
  }

  private encode(prompts: readonly Prompt[]): Promise<(readonly number[])[]> {
    let room = EMBED_TOKENS_MAX;
    return encodeEach(this.parts.base, prompts, (tokens) => {
      room -= tokens.length;
      if (room >= 0) return;
      throw new DomainError(
        'invalid',
        'INPUT_TOO_LONG',
        `The inputs of a request may have ${EMBED_TOKENS_MAX} tokens together: send fewer at once.`,
        { details: { param: 'input' } },
      );
    });
  }
}

function check({ embeddings, adapterDigests }: EmbedAnswer, { adapter }: ServableModel, count: number): void {
  invariant(adapterDigests.join() === (adapter?.digest ?? ''), 'the worker used the adapter asked for');
  invariant(embeddings.length === count, 'the worker embedded every input');
}
