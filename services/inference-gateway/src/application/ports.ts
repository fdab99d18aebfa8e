import type { AdapterReference, ModelReference, ServableModel } from '../domain/model.js';
import type { Sampling } from '../domain/sampling.js';

export interface ModelRegistry {
  /** The newest version under a name, or the newest one that a pin fits. */
  find(reference: ModelReference): Promise<ServableModel | undefined>;
  /** By name, after `after`; one entry for each name. */
  list(limit: number, after?: string): Promise<ServableModel[]>;
}

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export type Prompt =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tokens'; readonly tokens: readonly number[] }
  | { readonly kind: 'chat'; readonly messages: readonly ChatMessage[] };

/** What the gateway knows of the base model: everything but its weights. */
export interface BaseModel {
  readonly name: string;
  readonly digest: string;
  readonly contextTokens: number;
  /** @throws DomainError PROMPT_INVALID */
  encode(prompt: Prompt): readonly number[];
}

export interface HoldRequest {
  readonly requestId: string;
  readonly organisationId: string;
  readonly modelId: string;
  readonly promptTokens: number;
  readonly completionTokensMax: number;
}

export interface Balances {
  /** @throws DomainError INSUFFICIENT_BALANCE */
  hold(request: HoldRequest): Promise<string>;
  /** Never throws: a hold that cannot be given back now runs out by itself. */
  release(holdId: string): Promise<void>;
}

export interface RunRequest {
  readonly requestId: string;
  readonly promptTokens: readonly number[];
  readonly adapter?: AdapterReference;
  readonly sampling: Sampling;
}

export interface RunPiece {
  readonly tokens: readonly number[];
  readonly text: string;
  /** Empty until the last piece. */
  readonly finishReason: string;
  /** Of the weights that were used. */
  readonly adapterDigest: string;
}

export interface Workers {
  /** Aborting the signal ends the run at the worker within one step. @throws DomainError */
  run(request: RunRequest, signal: AbortSignal): AsyncIterable<RunPiece>;
}

export interface Receipt {
  readonly requestId: string;
  readonly organisationId: string;
  readonly model: ServableModel;
  /** Empty when the answer was free. */
  readonly holdId: string;
  readonly promptTokens: readonly number[];
  readonly completionTokens: readonly number[];
  readonly finishReason: string;
  readonly servedAt: Date;
  readonly timeToFirstTokenMs: number;
  readonly durationMs: number;
}

export interface Receipts {
  /** Durable when it resolves: the request's row and its event commit together. */
  record(receipt: Receipt): Promise<void>;
}
