import { type Budget, budgetExceeded, leftOf, reachedPercents } from './budget.js';
import { monthOf, nextMonth } from './month.js';

const budget: Budget = { organisationId: 'o', monthlyWei: 1_000n, alertPercents: [50, 80, 100] };

describe('a budget', () => {
  it('leaves what is neither spent nor set aside', () => {
    expect(leftOf(budget, { spentWei: 600n, setAsideWei: 250n })).toBe(150n);
    expect(leftOf(budget, { spentWei: 990n, setAsideWei: 20n })).toBe(-10n);
  });

  it.each([
    [499n, []],
    [500n, [50]],
    [799n, [50]],
    [800n, [50, 80]],
    [5_000n, [50, 80, 100]],
  ])('has reached at %d wei: %j', (spentWei, percents) => {
    expect(reachedPercents(budget, spentWei)).toEqual(percents);
  });

  it('rounds no threshold down', () => {
    expect(reachedPercents({ ...budget, monthlyWei: 3n }, 1n)).toEqual([]);
    expect(reachedPercents({ ...budget, monthlyWei: 3n }, 2n)).toEqual([50]);
  });

  it('says what to do when it is spent', () => {
    const now = new Date('2026-12-31T23:59:59.999Z');
    const error = budgetExceeded(budget, { spentWei: 900n, setAsideWei: 50n }, 51n, now);
    expect(error.message).toContain('PUT /settlement/budget');
    expect(error).toMatchObject({
      kind: 'payment-required',
      code: 'BUDGET_EXCEEDED',
      details: {
        neededWei: '51',
        budgetWei: '1000',
        spentWei: '900',
        setAsideWei: '50',
        resetsAt: '2027-01-01T00:00:00.000Z',
      },
    });
  });
});

describe('months', () => {
  it('are those of UTC', () => {
    expect(monthOf(new Date('2026-11-30T23:59:59.999Z'))).toBe('2026-11');
    expect(monthOf(new Date('2026-12-01T00:30:00+01:00'))).toBe('2026-11');
    expect(monthOf(new Date('2026-12-01T00:00:00Z'))).toBe('2026-12');
    expect(nextMonth(new Date('2026-01-31T12:00:00Z'))).toEqual(new Date('2026-02-01T00:00:00Z'));
  });
});
