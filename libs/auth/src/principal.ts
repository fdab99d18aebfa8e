/** What a credential allows. A session holds all of them for its own person; an API key holds some. */
export const SCOPES = [
  'organisations:write',
  'keys:write',
  'datanets:write',
  'contributions:write',
  'training:write',
  'inference:invoke',
  'balance:read',
  'settlement:operate',
] as const;

export type Scope = (typeof SCOPES)[number];

/** Of inference, for one credential and minute; what is absent is the platform's default. */
export interface RateLimits {
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
}

export interface Principal {
  readonly personId: string;
  /** Absent for a person who acts for nobody but himself. */
  readonly organisationId?: string;
  readonly walletAddress: string;
  readonly scopes: ReadonlySet<string>;
  /** Names the credential in logs; never the secret. */
  readonly credentialId: string;
  readonly limits?: RateLimits;
}
