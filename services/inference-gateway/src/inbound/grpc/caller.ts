import { type Authenticator, bearer, requireScope } from '@openledger/auth';
import type { GrpcCall } from '@openledger/service-host';
import type { Payer } from '../../application/payer.js';
import { toPayer } from '../payer.js';

/** Anyone with a valid credential. @throws DomainError */
export function callerOf(authenticator: Authenticator, { metadata }: GrpcCall) {
  const [authorization] = metadata.get('authorization');
  return authenticator.authenticate(bearer(authorization?.toString()));
}

/** The organisation that pays. @throws DomainError */
export async function payerOf(authenticator: Authenticator, call: GrpcCall): Promise<Payer> {
  const principal = await callerOf(authenticator, call);
  requireScope(principal, 'inference:invoke');
  return toPayer(principal);
}
