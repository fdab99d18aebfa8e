import { checkSigning, type SigningPolicy, UNUSED, type UnsignedTransaction } from './signing-policy.js';

const VAULT = '0x00000000000000000000000000000000000000aa';
const OPERATOR = '0x00000000000000000000000000000000000000bb';
const word = (value: bigint) => value.toString(16).padStart(64, '0');
const fund = (amountWei: bigint) => `0x11111111${word(1n)}${word(amountWei)}`;
const root = (epoch: bigint) => `0x22222222${word(epoch)}`;

const policy: SigningPolicy = {
  chainId: 1,
  dailyCostWei: 1_000n,
  rules: [
    { name: 'fund', to: VAULT, selector: '0x11111111', moves: { word: 1, dailyWei: 100n } },
    { name: 'root', to: VAULT, selector: '0x22222222', markWord: 0 },
  ],
};

const asked = (over: Partial<UnsignedTransaction & { from: string; costWei: bigint }> = {}) => ({
  chainId: 1,
  nonce: 7,
  to: VAULT,
  data: fund(40n),
  valueWei: 0n,
  gasLimit: 21_000n,
  maxFeeWei: 1n,
  tipWei: 1n,
  from: OPERATOR,
  costWei: 10n,
  ...over,
});

describe('checkSigning', () => {
  it('allows what a rule names, and says what it uses', () => {
    expect(checkSigning(policy, asked(), UNUSED)).toEqual({ rule: 'fund', costWei: 10n, movedWei: 40n });
    expect(checkSigning(policy, asked({ data: root(3n) }), UNUSED)).toEqual({
      rule: 'root',
      costWei: 10n,
      movedWei: 0n,
      mark: 3n,
    });
    // Addresses and selectors are the same in either case.
    expect(checkSigning(policy, asked({ to: VAULT.toUpperCase().replace('0X', '0x') }), UNUSED).rule).toBe(
      'fund',
    );
  });

  it('allows a nonce to be spent on nothing', () => {
    expect(checkSigning(policy, asked({ to: OPERATOR, data: '0x' }), UNUSED).rule).toBe('filler');
  });

  const refused: [string, Parameters<typeof asked>[0], string][] = [
    ['another chain', { chainId: 2 }, 'SIGNER_CHAIN_REFUSED'],
    ['the coin of the chain', { valueWei: 1n }, 'SIGNER_VALUE_REFUSED'],
    ['coin to itself', { to: OPERATOR, data: '0x', valueWei: 1n }, 'SIGNER_VALUE_REFUSED'],
    ['another contract', { to: OPERATOR }, 'SIGNER_CALL_REFUSED'],
    ['another function', { data: `0x33333333${word(1n)}` }, 'SIGNER_CALL_REFUSED'],
    ['no function', { data: '0x' }, 'SIGNER_CALL_REFUSED'],
    ['a call without its amount', { data: `0x11111111${word(1n)}` }, 'SIGNER_CALL_REFUSED'],
    ['more OPEN than a day allows', { data: fund(101n) }, 'SIGNER_BUDGET_SPENT'],
    ['dearer fees than a day allows', { costWei: 1_001n }, 'SIGNER_BUDGET_SPENT'],
  ];
  it.each(refused)('refuses %s', (_, over, code) => {
    expect(() => checkSigning(policy, asked(over), UNUSED)).toThrow(expect.objectContaining({ code }));
  });

  it('counts what was signed within the day', () => {
    const use = { costWei: 995n, movedWei: new Map([['fund', 61n]]), marks: new Map() };
    expect(() => checkSigning(policy, asked({ costWei: 6n }), use)).toThrow(
      expect.objectContaining({ code: 'SIGNER_BUDGET_SPENT' }),
    );
    expect(() => checkSigning(policy, asked({ costWei: 5n }), use)).toThrow(
      expect.objectContaining({ code: 'SIGNER_BUDGET_SPENT' }),
    );
    expect(checkSigning(policy, asked({ costWei: 5n, data: fund(39n) }), use).movedWei).toBe(39n);
  });

  it('goes back as far as the rule lets it', () => {
    const use = { ...UNUSED, marks: new Map([['root', 40n]]) };
    const rules = policy.rules.map((rule) => (rule.name === 'root' ? { ...rule, markBack: 32n } : rule));
    expect(checkSigning({ ...policy, rules }, asked({ data: root(8n) }), use).mark).toBe(8n);
    expect(() => checkSigning({ ...policy, rules }, asked({ data: root(7n) }), use)).toThrow(
      expect.objectContaining({ code: 'SIGNER_EPOCH_REFUSED' }),
    );
  });

  it('never goes back by an epoch, but may post one again', () => {
    const use = { ...UNUSED, marks: new Map([['root', 5n]]) };
    expect(checkSigning(policy, asked({ data: root(5n) }), use).mark).toBe(5n);
    expect(() => checkSigning(policy, asked({ data: root(4n) }), use)).toThrow(
      expect.objectContaining({ code: 'SIGNER_EPOCH_REFUSED' }),
    );
  });
});
