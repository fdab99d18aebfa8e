export { Authenticator, bearer, organisationOf, requireScope } from './authenticator.js';
export { AccessGuard, Authenticated, Caller, Public, RequireScope } from './guard.js';
export { type Principal, type RateLimits, SCOPES, type Scope } from './principal.js';
export { RemoteAuthenticator, type RemoteAuthenticatorOptions } from './remote-authenticator.js';
export {
  type ErrorLog,
  platformMisconfigured,
  SERVICE_TOKEN_HEADER,
  SERVICE_TOKEN_INVALID,
  sameSecret,
} from './service-token.js';
