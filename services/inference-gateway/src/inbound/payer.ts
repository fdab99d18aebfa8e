import { organisationOf, type Principal } from '@openledger/auth';
import type { Payer } from '../application/payer.js';

/** @throws DomainError ORGANISATION_REQUIRED */
export const toPayer = (caller: Principal): Payer => ({
  organisationId: organisationOf(caller),
  credentialId: caller.credentialId,
  ...(caller.limits ? { limits: caller.limits } : {}),
});
