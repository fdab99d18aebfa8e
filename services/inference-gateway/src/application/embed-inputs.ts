import { type Clock, DomainError, invariant, newId } from '@openledger/kernel';
import type { ServableModel } from '../domain/model.js';
import { encodeEach } from './encode-each.js';
import type { ModelCatalogue } from './model-catalogue.js';
import type { Payer } from './payer.js';
import type { Payments } from './payments.js';
import type { BaseModel, EmbedAnswer, Prompt, Workers } from './ports.js';
import type { RateLimits } from './rate-limits.js';

export interface EmbedQuestion {
  readonly payer: Payer;
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
  readonly rateLimits: RateLimits;
}

export const EMBED_INPUTS_MAX = 128;
/** Of all inputs of a request together: bounds what one call holds a worker up. */
const EMBED_TOKENS_MAX = 32_768;

/** Embeds inputs by one call to a worker; billed by their tokens, all or nothing. */
export class EmbedInputs {
  constructor(private readonly parts: EmbedParts) {}

  /** Numbers in an embedding. */
  get dimensions(): number {
    return this.parts.base.dimensions;
  }

  /** @throws DomainError */
  async embed(question: EmbedQuestion, callerGone: AbortSignal): Promise<EmbeddedInputs> {
    const { catalogue, clock, payments, rateLimits, workers } = this.parts;
    const { organisationId } = question.payer;
    const askedAt = clock.now();
    const admission = rateLimits.admit(question.payer);
    const model = await catalogue.find(question.model);
    const inputs = await this.encode(question.inputs);
    const promptTokens = inputs.flat();
    admission.reserve(promptTokens.length);
    const requestId = newId(askedAt.getTime());
    const paid = { requestId, organisationId, model };
    const order = { ...paid, promptTokens: promptTokens.length, completionTokensMax: 0 };
    const payment = await payments.begin(order).catch((error: unknown) => {
      admission.settle(0);
      throw error;
    });
    let answer: EmbedAnswer;
    try {
      const adapters = model.adapter ? [{ adapter: model.adapter, weight: 1 }] : [];
      answer = await workers.embed({ requestId, adapters, tenant: organisationId, inputs }, callerGone);
      check(answer, model, inputs.length);
    } catch (error) {
      admission.settle(0);
      await payment.release();
      throw error;
    }
    const servedAt = clock.now();
    const durationMs = Math.max(0, servedAt.getTime() - askedAt.getTime());
    await payment.record({
      ...paid,
      promptTokens,
      context: [],
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

  private async encode(prompts: readonly Prompt[]): Promise<(readonly number[])[]> {
    let room = EMBED_TOKENS_MAX;
    const encoded = await encodeEach(this.parts.base, prompts, (tokens) => {
      room -= tokens.length;
      if (room >= 0) return;
      throw new DomainError(
        'invalid',
        'INPUT_TOO_LONG',
        `The inputs of a request may have ${EMBED_TOKENS_MAX} tokens together: send fewer at once.`,
        { details: { param: 'input' } },
      );
    });
    return encoded.map(({ tokens }) => tokens);
  }
}

function check({ embeddings, adapterDigests }: EmbedAnswer, { adapter }: ServableModel, count: number): void {
  invariant(adapterDigests.join() === (adapter?.digest ?? ''), 'the worker used the adapter asked for');
  invariant(embeddings.length === count, 'the worker embedded every input');
}
