import type { Price } from '@openledger/kernel';
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

/** Text that the caller retrieved for a question. */
export interface ContextChunk {
  /** The record of a contribution that it is the text of; absent for a chunk of the caller's own. */
  readonly recordId?: string;
  readonly text: string;
}

export type Prompt =
  | { readonly kind: 'text'; readonly text: string; readonly context?: readonly ContextChunk[] }
  | { readonly kind: 'tokens'; readonly tokens: readonly number[] }
  | {
      readonly kind: 'chat';
      readonly messages: readonly ChatMessage[];
      readonly context?: readonly ContextChunk[];
    };

/** Where a chunk stands among the tokens of a prompt; end exclusive. */
export interface ContextRange {
  /** Empty for a chunk of the caller's own. */
  readonly recordId: string;
  readonly start: number;
  readonly end: number;
}

export interface EncodedPrompt {
  readonly tokens: readonly number[];
  /** In the order of the tokens; empty where nothing was retrieved. */
  readonly context: readonly ContextRange[];
}

/** What the gateway knows of the base model: everything but its weights. */
export interface BaseModel {
  readonly name: string;
  readonly digest: string;
  readonly contextTokens: number;
  /** Numbers in an embedding. */
  readonly dimensions: number;
  /** @throws DomainError PROMPT_INVALID, CONTEXT_UNSUPPORTED */
  encode(prompt: Prompt): EncodedPrompt;
  /** What a token adds to a text; alone it need not be UTF-8. Empty where there is no such token. */
  tokenBytes(token: number): Uint8Array;
}

/** An adapter and the factor on what it adds to the base. */
export interface WeightedAdapter {
  readonly adapter: AdapterReference;
  readonly weight: number;
}

/** What a run and an embedding have in common. */
export interface WorkRequest {
  readonly requestId: string;
  /** Added up; none for the base model alone. */
  readonly adapters: readonly WeightedAdapter[];
  /** Organisation: turns are shared out by tenant, and no tenant sees another's cached prefixes. */
  readonly tenant: string;
}

export interface RunRequest extends WorkRequest {
  readonly promptTokens: readonly number[];
  readonly sampling: Sampling;
}

export interface TokenLogprob {
  readonly token: number;
  /** Natural logarithm. */
  readonly logprob: number;
  /** Likeliest first. */
  readonly top: readonly TokenLogprob[];
}

/** A worker's signed word for what it did, checked against what the gateway itself saw. */
export interface WorkerReceipt {
  /** Canonical JSON. */
  readonly statement: string;
  /** Ed25519. */
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
}

export interface RunPiece {
  readonly tokens: readonly number[];
  readonly text: string;
  /** Empty until the last piece: "stop", "length" or "cancelled". */
  readonly finishReason: string;
  /** Of the weights that were used, in the order asked for. */
  readonly adapterDigests: readonly string[];
  /** Of these tokens, where asked for. */
  readonly logprobs: readonly TokenLogprob[];
  /** Prompt tokens that were not computed again. */
  readonly cachedTokens: number;
  /** With the last piece; absent also where it did not fit what was seen, which is logged and counted. */
  readonly receipt?: WorkerReceipt;
}

export interface EmbedRequest extends WorkRequest {
  readonly inputs: readonly (readonly number[])[];
}

export interface EmbedAnswer {
  /** In the order of the inputs, each of length 1. */
  readonly embeddings: readonly (readonly number[])[];
  readonly adapterDigests: readonly string[];
  /** As that of {@link RunPiece}. */
  readonly receipt?: WorkerReceipt;
}

export interface Workers {
  /**
   * Aborting the signal ends the run at the worker within one step. Once there are tokens, what is left
   * may still be read: the last piece, "cancelled", comes with the receipt.
   *
   * @throws DomainError NO_WORKER, OVERLOADED, what the worker refuses with
   */
  run(request: RunRequest, signal: AbortSignal): AsyncIterable<RunPiece>;
  /** @throws DomainError as for {@link run} */
  embed(request: EmbedRequest, signal: AbortSignal): Promise<EmbedAnswer>;
}

export interface Receipt {
  readonly requestId: string;
  readonly organisationId: string;
  readonly model: ServableModel;
  /** The lease or hold that pays; empty when the answer was free. */
  readonly holdId: string;
  /** What the payer was promised; absent where there is no price. */
  readonly price?: Price;
  readonly feeWei: bigint;
  readonly promptTokens: readonly number[];
  /** Of the prompt: its retrieved chunks. */
  readonly context: readonly ContextRange[];
  /** 0 for further choices of a prompt, which is billed once; else all of them. */
  readonly promptTokensBilled: number;
  readonly completionTokens: readonly number[];
  /** Prompt tokens that the worker did not compute again. */
  readonly cachedTokens: number;
  /** Absent where the worker gave none that fits. */
  readonly workerReceipt?: WorkerReceipt;
  readonly finishReason: string;
  readonly servedAt: Date;
  readonly timeToFirstTokenMs: number;
  readonly durationMs: number;
}

export interface Receipts {
  /** Durable when it resolves: the request's row and its event commit together. */
  record(receipt: Receipt): Promise<void>;
}
