/** A request that its caller may send again without being answered, or billed, twice. */
export interface KeyedRequest {
  readonly organisationId: string;
  /** `Idempotency-Key`, of the caller's choosing. */
  readonly key: string;
  /** SHA-256 of route and body: the same key does not stand for another request. */
  readonly fingerprint: string;
}

/** An answer as it went out, to be given again. */
export interface KeptReply {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export type Claim =
  /** Nobody else answers it: answer it, then keep or release it under this claim. */
  | { readonly kind: 'ours'; readonly claimId: string }
  | { readonly kind: 'running' }
  | { readonly kind: 'different' }
  | { readonly kind: 'answered'; readonly reply: KeptReply };

export interface IdempotencyBook {
  claim(request: KeyedRequest): Promise<Claim>;
  /** Says that the claim is still being worked on. */
  renew(request: KeyedRequest, claimId: string): Promise<void>;
  keep(request: KeyedRequest, claimId: string, reply: KeptReply): Promise<void>;
  /** The request came to nothing: the next one with this key is answered anew. */
  release(request: KeyedRequest, claimId: string): Promise<void>;
}
