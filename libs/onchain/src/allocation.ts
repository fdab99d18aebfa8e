import { DomainError, invariant } from '@openledger/kernel';
import { GOVERNANCE_PARAMETERS, MONTH_S, type Pool, poolWei, SUPPLY_WEI } from './governance-parameters.js';

/** One allocation of the fixed supply of 1e27 wei. */
export interface Grant {
  readonly to: string;
  readonly amountWei: bigint;
  /** Without it the grant is free at genesis. */
  readonly vesting?: Vesting;
}

/** Unlocks evenly, second by second, from `startS` on. */
export interface Vesting {
  readonly startS: number;
  readonly durationS: number;
  /** Whether the timelock may stop it. */
  readonly revocable: boolean;
}

/** Who receives a pool. */
export interface Beneficiary {
  readonly to: string;
  readonly amountWei: bigint;
}

/** The grants of a genesis: each pool's beneficiaries under that pool's terms. @throws POOL_NOT_WHOLE */
export function allocate(
  beneficiaries: Readonly<Record<Pool, readonly Beneficiary[]>>,
  genesisS: number,
): Grant[] {
  return (Object.keys(GOVERNANCE_PARAMETERS.allocation) as Pool[]).flatMap((pool) => {
    const given = beneficiaries[pool];
    const sumWei = given.reduce((sum, { amountWei }) => sum + amountWei, 0n);
    if (sumWei !== poolWei(pool) || given.some(({ amountWei }) => amountWei <= 0n)) {
      throw new DomainError(
        'invalid',
        'POOL_NOT_WHOLE',
        `the grants of pool ${pool} must be positive and sum to ${poolWei(pool)} wei, they sum to ${sumWei}`,
        { details: { pool, expectedWei: String(poolWei(pool)), givenWei: String(sumWei) } },
      );
    }
    const vesting = vestingOf(pool, genesisS);
    return given.map(({ to, amountWei }) => ({ to, amountWei, ...(vesting && { vesting }) }));
  });
}

/** When a pool unlocks; undefined for one that is free at once. */
export function vestingOf(pool: Pool, genesisS: number): Vesting | undefined {
  const { cliffMonths, linearMonths, revocable } = GOVERNANCE_PARAMETERS.allocation[pool];
  if (linearMonths === 0) return undefined;
  return {
    startS: genesisS + cliffMonths * MONTH_S,
    durationS: linearMonths * MONTH_S,
    revocable,
  };
}

/** What of a pool is free so many whole months after genesis, in wei: what its vesting wallets compute. */
export function unlockedWei(pool: Pool, months: number): bigint {
  invariant(Number.isInteger(months), 'whole months');
  const { cliffMonths, linearMonths } = GOVERNANCE_PARAMETERS.allocation[pool];
  if (linearMonths === 0) return poolWei(pool);
  const elapsed = Math.min(Math.max(months - cliffMonths, 0), linearMonths);
  return (poolWei(pool) * BigInt(elapsed)) / BigInt(linearMonths);
}

/** Everything to one account, free at once: for local chains. */
export const everythingTo = (to: string): Grant[] => [{ to, amountWei: SUPPLY_WEI }];
