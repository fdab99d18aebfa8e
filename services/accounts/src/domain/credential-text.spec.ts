import fc from 'fast-check';
import {
  credentialFrom,
  formatCredential,
  ID_BYTES,
  parseCredential,
  SECRET_BYTES,
} from './credential-text.js';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const kinds = fc.constantFrom('api-key' as const, 'session' as const);
const credentials = fc
  .tuple(kinds, bytes(ID_BYTES), bytes(SECRET_BYTES))
  .map(([kind, id, secret]) => credentialFrom(kind, id, secret));

describe('credential text', () => {
  it('gives back what was formatted, at a fixed length', () => {
    fc.assert(
      fc.property(credentials, (credential) => {
        const text = formatCredential(credential);
        expect(parseCredential(text)).toEqual(credential);
        expect(text).toHaveLength(credential.kind === 'api-key' ? 67 : 62);
      }),
    );
  });

  it('holds all 256 bits: different secrets give different texts', () => {
    const zeros = new Uint8Array(SECRET_BYTES);
    const id = new Uint8Array(ID_BYTES);
    const texts = Array.from({ length: 256 }, (_, bit) => {
      const secret = Uint8Array.from(zeros);
      secret[bit >> 3] = 1 << (bit & 7);
      return formatCredential(credentialFrom('api-key', id, secret));
    });
    expect(new Set(texts).size).toBe(256);
    const full = formatCredential(credentialFrom('api-key', id.fill(255), zeros.fill(255)));
    expect(parseCredential(full)).toBeDefined();
  });

  it('refuses any text with one character changed', () => {
    const digits = fc.constantFrom(...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz');
    fc.assert(
      fc.property(credentials, fc.nat(), digits, (credential, at, digit) => {
        const text = formatCredential(credential);
        const index = at % text.length;
        fc.pre(text[index] !== digit);
        expect(parseCredential(text.slice(0, index) + digit + text.slice(index + 1))).toBeUndefined();
      }),
    );
  });

  it.each(['', 'olk_live_', 'sk-123', 'olk_test_AAAAAAAA_'])('refuses %j', (text) => {
    expect(parseCredential(text)).toBeUndefined();
  });
});
