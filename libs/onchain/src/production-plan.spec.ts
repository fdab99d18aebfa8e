import { productionSettings } from '../test/production-settings.js';
import { unlockedWei } from './allocation.js';
import { addressesOf } from './deployment.js';
import { MONTH_S, SUPPLY_WEI } from './governance-parameters.js';
import { productionPlan } from './production-plan.js';

const DEPLOYER = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';
const GENESIS_S = Date.parse(productionSettings.genesis) / 1_000;
const { keys, offices, beneficiaries } = productionSettings;
const TEAM = beneficiaries.team[0]?.to ?? '';

describe('the plan of a deployment with real money', () => {
  it('grants the whole supply under the terms of each pool', () => {
    const { grants } = productionPlan(productionSettings, DEPLOYER);
    expect(grants.reduce((sum, { amountWei }) => sum + amountWei, 0n)).toBe(SUPPLY_WEI);
    const [community, , investors, team, , liquidity] = grants;
    expect(community).toEqual({
      to: addressesOf(DEPLOYER).timelock,
      amountWei: 517_100_000n * 10n ** 18n,
      vesting: { startS: GENESIS_S, durationS: 48 * MONTH_S, revocable: false },
    });
    expect(investors?.vesting).toEqual({
      startS: GENESIS_S + 12 * MONTH_S,
      durationS: 36 * MONTH_S,
      revocable: false,
    });
    expect(team?.vesting?.revocable).toBe(true);
    expect(liquidity?.to.toLowerCase()).toBe(beneficiaries.liquidity[0]?.to);
    expect(liquidity).toMatchObject({ amountWei: 50_000_000n * 10n ** 18n });
    expect(liquidity?.vesting).toBeUndefined();
  });

  it.each<[string, object, string]>([
    ['an account that is none', { keys: { ...keys, operator: '0x12' } }, 'SETTINGS_INVALID'],
    ['the zero address', { keys: { ...keys, operator: `0x${'0'.repeat(40)}` } }, 'SETTINGS_INVALID'],
    ['a field that is not known', { keys: { ...keys, other: TEAM } }, 'SETTINGS_INVALID'],
    ['a pool without beneficiaries', { beneficiaries: { ...beneficiaries, team: [] } }, 'SETTINGS_INVALID'],
    ['a fraction of a wei', pool('team', [{ to: TEAM, amountWei: '1.5' }]), 'SETTINGS_INVALID'],
    ['a negative amount', pool('team', [{ to: TEAM, amountWei: '-1' }]), 'SETTINGS_INVALID'],
    [
      'a pool that lacks a wei',
      pool('liquidity', [{ to: TEAM, amountWei: '49999999999999999999999999' }]),
      'POOL_NOT_WHOLE',
    ],
    ['two beneficiaries without amounts', pool('liquidity', [{ to: TEAM }, { to: TEAM }]), 'POOL_NOT_WHOLE'],
    ['a poster that confirms itself', { keys: { ...keys, confirmer: keys.poster } }, 'KEYS_NOT_SEPARATE'],
    ['a slasher with the veto', { keys: { ...keys, slasher: offices.guardian } }, 'KEYS_NOT_SEPARATE'],
    [
      'a deployer who keeps an office',
      { offices: { ...offices, operations: DEPLOYER } },
      'KEYS_NOT_SEPARATE',
    ],
  ])('refuses %s', (_, change, code) => {
    const settings = { ...productionSettings, ...change };
    expect(() => productionPlan(settings, DEPLOYER)).toThrow(expect.objectContaining({ code }));
  });

  it('unlocks nothing before a cliff and everything at the end', () => {
    expect([0, 12, 13, 48, 60].map((month) => unlockedWei('team', month))).toEqual([
      0n,
      0n,
      (150_000_000n * 10n ** 18n) / 36n,
      150_000_000n * 10n ** 18n,
      150_000_000n * 10n ** 18n,
    ]);
    expect(unlockedWei('liquidity', 0)).toBe(50_000_000n * 10n ** 18n);
  });
});

function pool(name: string, given: object[]): object {
  return { beneficiaries: { ...beneficiaries, [name]: given } };
}
