/** Who asks: the organisation pays, and the credential has limits. */
export interface Payer {
  readonly organisationId: string;
  readonly credentialId: string;
  readonly limits?: { readonly requestsPerMinute?: number; readonly tokensPerMinute?: number };
}
