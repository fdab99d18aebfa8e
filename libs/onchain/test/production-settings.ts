const account = (n: number) => `0x${n.toString(16).padStart(40, '0')}`;
const OPEN = 10n ** 18n;

/** Settings of a deployment with real money; the accounts are nobody's. */
export const productionSettings = {
  genesis: '2032-01-01T00:00:00Z',
  keys: {
    operator: account(0xa01),
    poster: account(0xa02),
    confirmer: account(0xa03),
    publisher: account(0xa04),
    slasher: account(0xa05),
  },
  offices: { guardian: account(0xb01), operations: account(0xb02) },
  beneficiaries: {
    community: [{ to: 'timelock' }],
    ecosystem: [{ to: 'timelock' }],
    investors: [{ to: account(0xc01) }],
    team: [
      { to: account(0xc02), amountWei: String(100_000_000n * OPEN) },
      { to: account(0xc03), amountWei: String(50_000_000n * OPEN) },
    ],
    liquidity: [{ to: account(0xc04) }],
  },
};
