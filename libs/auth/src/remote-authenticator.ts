import { type ChannelCredentials, credentials, Metadata, status } from '@grpc/grpc-js';
import { AccountsServiceClient, type AuthenticateResponse } from '@openledger/contracts';
import { DomainError, invariant, sha256 } from '@openledger/kernel';
import { Authenticator } from './authenticator.js';
import type { Principal } from './principal.js';
import {
  type ErrorLog,
  platformMisconfigured,
  SERVICE_TOKEN_HEADER,
  SERVICE_TOKEN_INVALID,
} from './service-token.js';

export interface RemoteAuthenticatorOptions {
  /** host:port of the accounts service. */
  readonly address: string;
  readonly serviceToken: string;
  readonly log: ErrorLog;
  readonly channel?: ChannelCredentials;
}

/** How long a revoked key may live on in a service that saw it a moment ago. */
const CACHE_MS = 5_000;
const CACHE_ENTRIES_MAX = 10_000;
const CALL_TIMEOUT_MS = 5_000;

/** Asks the accounts service, and remembers its answer for a few seconds. */
export class RemoteAuthenticator extends Authenticator {
  private readonly client: AccountsServiceClient;
  private readonly metadata = new Metadata();
  private readonly known = new Map<string, { principal: Principal; until: number }>();

  constructor(private readonly options: RemoteAuthenticatorOptions) {
    super();
    this.client = new AccountsServiceClient(options.address, options.channel ?? credentials.createInsecure());
    this.metadata.set(SERVICE_TOKEN_HEADER, options.serviceToken);
  }

  async authenticate(credential: string): Promise<Principal> {
    // Keyed by digest, so that a heap dump holds no usable key.
    const digest = sha256(credential);
    const cached = this.known.get(digest);
    if (cached && cached.until > Date.now()) return cached.principal;
    this.known.delete(digest);

    const response = await this.ask(credential);
    const principal = toPrincipal(response);
    if (this.known.size >= CACHE_ENTRIES_MAX) this.known.clear();
    const until = Math.min(Date.now() + CACHE_MS, response.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY);
    this.known.set(digest, { principal, until });
    return principal;
  }

  close(): void {
    this.client.close();
  }

  private ask(credential: string): Promise<AuthenticateResponse> {
    const options = { deadline: Date.now() + CALL_TIMEOUT_MS };
    return new Promise((resolve, reject) => {
      this.client.authenticate({ credential }, this.metadata, options, (error, response) => {
        if (!error) return resolve(response);
        if (error.code !== status.UNAUTHENTICATED) {
          const message = 'Credentials cannot be checked right now: try again shortly.';
          return reject(new DomainError('unavailable', 'ACCOUNTS_UNAVAILABLE', message, { cause: error }));
        }
        const [code = 'CREDENTIAL_UNKNOWN', ...detail] = error.details.split(': ');
        if (code === SERVICE_TOKEN_INVALID) return reject(platformMisconfigured(this.options.log, error));
        reject(new DomainError('unauthenticated', code, detail.join(': ') || 'The credential is not valid.'));
      });
    });
  }
}

function toPrincipal({ principal }: AuthenticateResponse): Principal {
  invariant(principal, 'accounts answers with a principal');
  return {
    personId: principal.personId,
    ...(principal.organisationId === '' ? {} : { organisationId: principal.organisationId }),
    walletAddress: principal.walletAddress,
    scopes: new Set(principal.scopes),
    credentialId: principal.credentialId,
    limits: {
      ...(principal.requestsPerMinute > 0 ? { requestsPerMinute: principal.requestsPerMinute } : {}),
      ...(principal.tokensPerMinute > 0 ? { tokensPerMinute: principal.tokensPerMinute } : {}),
    },
  };
}
