import type { GenerationPiece, GenerationRequest } from '../../application/generation.js';

/** One request under way. */
export class VllmRun {
  readonly stop = new AbortController();
  readonly requestId: string;
  readonly digests: readonly string[];
  private unread: number;
  private unwritten: number;

  constructor({ requestId, adapters, promptTokens, sampling }: GenerationRequest) {
    this.requestId = requestId;
    this.digests = adapters.map(({ reference }) => reference.digest);
    this.unread = promptTokens.length;
    this.unwritten = sampling.maxTokens;
  }

  get tokensLeft(): number {
    return this.unread + this.unwritten;
  }

  /** Prompt tokens that were read for this piece: all of them for the first. */
  take({ tokens }: GenerationPiece): number {
    const read = this.unread;
    this.unread = 0;
    this.unwritten = Math.max(0, this.unwritten - tokens.length);
    return read;
  }
}
