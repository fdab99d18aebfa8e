import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { DomainError, invariant } from '@openledger/kernel';
import { Authenticator, bearer, requireScope } from './authenticator.js';
import type { Principal, Scope } from './principal.js';

const ACCESS = 'openledger:access';
type Access = 'public' | 'authenticated' | Scope;

/** Anyone may call this route. */
export const Public = () => SetMetadata(ACCESS, 'public' satisfies Access);
/** Anyone with a valid credential may call this route. */
export const Authenticated = () => SetMetadata(ACCESS, 'authenticated' satisfies Access);
/** Only a credential with this scope may call this route. */
export const RequireScope = (scope: Scope) => SetMetadata(ACCESS, scope satisfies Access);

interface AuthenticatedRequest {
  headers: { authorization?: string };
  principal?: Principal;
}

/** The caller, in a route that is not public. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const { principal } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  invariant(principal, 'the guard ran before the route');
  return principal;
});

/** Denies by default: a route that declares no access answers 403 to everybody. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (access === 'public') return true;
    if (access === undefined) {
      throw new DomainError('forbidden', 'ROUTE_CLOSED', 'This route declares no access and is closed.');
    }
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    request.principal = await this.authenticator.authenticate(bearer(request.headers.authorization));
    if (access !== 'authenticated') requireScope(request.principal, access);
    return true;
  }
}
