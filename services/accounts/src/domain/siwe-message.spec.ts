import { DomainError } from '@openledger/kernel';
import { checkSiweMessage, parseSiweMessage } from './siwe-message.js';

/** The example of ERC-4361, with and without its optional parts. */
const HEAD = [
  'example.com wants you to sign in with your Ethereum account:',
  '0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2',
  '',
];
const STATEMENT = ['I accept the ExampleOrg Terms of Service: https://example.com/tos'];
const REQUIRED = [
  '',
  'URI: https://example.com/login',
  'Version: 1',
  'Chain ID: 1',
  'Nonce: 32891756',
  'Issued At: 2021-09-30T16:25:24Z',
];
const OPTIONAL = [
  'Expiration Time: 2021-09-30T16:35:24.000+00:00',
  'Not Before: 2021-09-30T16:20:24Z',
  'Request ID: req-1',
  'Resources:',
  '- ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/',
  '- https://example.com/my-web2-claim.json',
];
const text = (...parts: readonly string[][]) => parts.flat().join('\n');

const FULL = text(HEAD, STATEMENT, REQUIRED, OPTIONAL);
const SHORT = text(HEAD, REQUIRED);

const codeOf = (run: () => unknown): string | undefined => {
  try {
    run();
    return undefined;
  } catch (error) {
    return (error as DomainError).code;
  }
};

describe('parseSiweMessage', () => {
  it('reads every field', () => {
    expect(parseSiweMessage(FULL)).toEqual({
      domain: 'example.com',
      address: '0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2',
      statement: STATEMENT[0],
      uri: 'https://example.com/login',
      chainId: 1,
      nonce: '32891756',
      issuedAt: new Date('2021-09-30T16:25:24Z'),
      expirationTime: new Date('2021-09-30T16:35:24Z'),
      notBefore: new Date('2021-09-30T16:20:24Z'),
      requestId: 'req-1',
      resources: [
        'ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/',
        'https://example.com/my-web2-claim.json',
      ],
    });
  });

  it('reads the shortest message, a scheme and a port', () => {
    expect(parseSiweMessage(SHORT)).toMatchObject({ domain: 'example.com', resources: [] });
    const withScheme = SHORT.replace('example.com', 'https://example.com:8443');
    expect(parseSiweMessage(withScheme)).toMatchObject({ scheme: 'https', domain: 'example.com:8443' });
  });

  it.each([
    ['no domain', SHORT.replace('example.com wants', ' wants')],
    ['a short address', SHORT.replace('0xC02', '0xC0')],
    ['a statement over two lines', FULL.replace('I accept', 'I\naccept')],
    ['another version', SHORT.replace('Version: 1', 'Version: 2')],
    ['a chain id that is no number', SHORT.replace('Chain ID: 1', 'Chain ID: one')],
    ['a short nonce', SHORT.replace('32891756', '3289175')],
    ['a nonce with signs', SHORT.replace('32891756', '3289175-6')],
    ['no time', SHORT.replace('2021-09-30T16:25:24Z', 'yesterday')],
    ['a day that does not exist', SHORT.replace('2021-09-30', '2021-02-30')],
    ['fields out of order', text(HEAD, [...REQUIRED.slice(0, 2), ...REQUIRED.slice(2).reverse()])],
    ['a carriage return', SHORT.replaceAll('\n', '\r\n')],
    ['a line more', `${SHORT}\n`],
    ['a resource that is no URI', `${SHORT}\nResources:\n- not a uri`],
    ['too long', `${SHORT}\nResources:${'\n- https://example.com/a'.repeat(400)}`],
  ])('refuses %s', (_, message) => {
    expect(codeOf(() => parseSiweMessage(message))).toBe('SIWE_MESSAGE_MALFORMED');
  });
});

describe('checkSiweMessage', () => {
  const expected = {
    domain: 'example.com',
    uri: 'https://example.com/login',
    chainId: 1,
    now: new Date('2021-09-30T16:26:00Z'),
  };
  const check = (changes: Partial<typeof expected>) =>
    codeOf(() => checkSiweMessage(parseSiweMessage(FULL), { ...expected, ...changes }));

  it('accepts what was written for us, now', () => {
    expect(check({})).toBeUndefined();
  });

  it.each([
    ['SIWE_DOMAIN_MISMATCH', { domain: 'example.org' }],
    ['SIWE_URI_MISMATCH', { uri: 'https://example.com/other' }],
    ['SIWE_CHAIN_MISMATCH', { chainId: 10 }],
    ['SIWE_MESSAGE_EXPIRED', { now: new Date('2021-09-30T16:35:24Z') }],
    ['SIWE_MESSAGE_NOT_YET_VALID', { now: new Date('2021-09-30T16:20:23Z') }],
  ])('refuses with %s', (code, changes) => {
    expect(check(changes)).toBe(code);
  });
});
