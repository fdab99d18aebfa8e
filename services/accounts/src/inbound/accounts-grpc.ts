import {
  AccountsServiceService,
  type AuthenticateRequest,
  type AuthenticateResponse,
} from '@openledger/contracts';
import { type GrpcContext, type GrpcService, unary } from '@openledger/service-host';
import type { Authenticate } from '../application/authenticate.js';

/** For the other services of the platform; guarded by the service token in `context`. */
export function accountsGrpc(context: GrpcContext, authenticate: Authenticate): GrpcService {
  return {
    definition: AccountsServiceService,
    implementation: {
      authenticate: unary<AuthenticateRequest, AuthenticateResponse>(context, async ({ credential }) => {
        const holder = await authenticate.run(credential);
        return {
          principal: {
            personId: holder.personId,
            organisationId: holder.organisationId ?? '',
            walletAddress: holder.walletAddress,
            scopes: [...holder.scopes],
            credentialId: holder.credentialId,
            requestsPerMinute: holder.limits.requestsPerMinute ?? 0,
            tokensPerMinute: holder.limits.tokensPerMinute ?? 0,
          },
          expiresAt: holder.expiresAt,
        };
      }),
    },
  };
}
