import { DEFAULT_ROLE_SPLIT } from './split-fee.js';
import { policyAt, type SplitPolicy } from './split-policy.js';

const at = (iso: string) => new Date(iso);
const policy = (version: number, from: string): SplitPolicy => ({
  version,
  effectiveFrom: at(from),
  roles: DEFAULT_ROLE_SPLIT,
});
const policies = [
  policy(3, '2026-03-01T00:00:00Z'),
  policy(1, '2026-01-01T00:00:00Z'),
  policy(2, '2026-02-01T00:00:00Z'),
];

describe('policyAt', () => {
  it.each([
    ['before the first', '2025-12-31T00:00:00Z', 1],
    ['at the first instant', '2026-02-01T00:00:00Z', 2],
    ['a millisecond before a change', '2026-02-28T23:59:59.999Z', 2],
    ['after the last', '2027-01-01T00:00:00Z', 3],
  ])('%s', (_, servedAt, version) => {
    expect(policyAt(policies, at(servedAt)).version).toBe(version);
  });

  it('takes the later of two that begin together', () => {
    expect(
      policyAt([policy(5, '2026-01-01T00:00:00Z'), ...policies], at('2026-01-15T00:00:00Z')).version,
    ).toBe(5);
  });
});
