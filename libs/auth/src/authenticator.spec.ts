import { bearer, organisationOf, requireScope } from './authenticator.js';
import type { Principal } from './principal.js';
import { sameSecret } from './service-token.js';

const person: Principal = {
  personId: 'p',
  walletAddress: '0x0',
  scopes: new Set(['datanets:write']),
  credentialId: 'c',
};

const code = (value: string) => expect.objectContaining({ code: value }) as Error;

describe('bearer', () => {
  it('takes the credential', () => {
    expect(bearer('Bearer olk_x')).toBe('olk_x');
    expect(bearer('bearer olk_x')).toBe('olk_x');
  });

  it.each([undefined, '', 'Bearer', 'Bearer ', 'Basic olk_x', 'Bearer a b'])('refuses %p', (header) => {
    expect(() => bearer(header)).toThrow(code('CREDENTIAL_MISSING'));
  });
});

describe('a principal', () => {
  it('may do what its scopes say', () => {
    expect(() => requireScope(person, 'datanets:write')).not.toThrow();
    expect(() => requireScope(person, 'keys:write')).toThrow(code('SCOPE_MISSING'));
  });

  it('without an organisation is told to make one', () => {
    expect(() => organisationOf(person)).toThrow(code('ORGANISATION_REQUIRED'));
    expect(organisationOf({ ...person, organisationId: 'o' })).toBe('o');
  });
});

describe('sameSecret', () => {
  it('compares whole secrets', () => {
    expect(sameSecret('abc', 'abc')).toBe(true);
    expect(sameSecret('abc', 'ab')).toBe(false);
  });
});
