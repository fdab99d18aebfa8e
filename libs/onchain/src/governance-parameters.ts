import { invariant } from '@openledger/kernel';

/** One OPEN in wei. */
export const OPEN_WEI = 10n ** 18n;
/** All OPEN that there ever is, in wei: `OpenToken.SUPPLY`. */
export const SUPPLY_WEI = 1_000_000_000n * OPEN_WEI;

const MINUTE_S = 60;
const HOUR_S = 60 * MINUTE_S;
const DAY_S = 24 * HOUR_S;
/** A twelfth of 365.25 days, so that 48 months are 1,461 days: four years, one of them a leap year. */
export const MONTH_S = 2_629_800;

/** What the supply is set aside for. */
export type Pool = 'community' | 'ecosystem' | 'investors' | 'team' | 'liquidity';

/** A pool's part of the supply and how it unlocks: nothing for the cliff, then evenly by the second. */
export interface PoolTerms {
  readonly bps: number;
  readonly cliffMonths: number;
  /** 0: all of it at genesis. */
  readonly linearMonths: number;
  /** Whether the timelock may stop a grant of this pool. */
  readonly revocable: boolean;
}

/**
 * Every number that a deployment decides. The deployment, its check, docs/governance.md and the tests all read
 * them here.
 */
export const GOVERNANCE_PARAMETERS = {
  allocation: {
    community: { bps: 5_171, cliffMonths: 0, linearMonths: 48, revocable: false },
    ecosystem: { bps: 1_000, cliffMonths: 0, linearMonths: 48, revocable: false },
    investors: { bps: 1_829, cliffMonths: 12, linearMonths: 36, revocable: false },
    team: { bps: 1_500, cliffMonths: 12, linearMonths: 36, revocable: true },
    liquidity: { bps: 500, cliffMonths: 0, linearMonths: 0, revocable: false },
  } satisfies Record<Pool, PoolTerms>,
  governor: {
    votingDelayS: DAY_S,
    votingPeriodS: 7 * DAY_S,
    /** A vote that reaches its quorum late stays open this long. */
    lateQuorumExtensionS: 2 * DAY_S,
    /** 0.1 % of the supply. */
    proposalThresholdWei: SUPPLY_WEI / 1_000n,
    quorumDelegatedBps: 2_500,
    quorumSupplyBps: 100,
  },
  timelockDelayS: 2 * DAY_S,
  /** The first version in ParamRegistry. */
  params: {
    platformBps: 1_000,
    developerBps: 2_000,
    stakersBps: 2_000,
    contributorsBps: 5_000,
    operatorBps: 1_000,
    royaltyBps: 500,
    epochLengthS: DAY_S,
    minPayoutWei: OPEN_WEI,
  },
  rewards: {
    activationDelayS: 2 * DAY_S,
    resolutionWindowS: 3 * DAY_S,
    challengeBondWei: 1_000n * OPEN_WEI,
  },
  stakes: {
    unbondDelayS: 14 * DAY_S,
    vetoWindowS: 3 * DAY_S,
    /** The most that one offence may cost, of what the offender holds. */
    slashCapBps: 5_000,
  },
} as const;

const poolBps = Object.values(GOVERNANCE_PARAMETERS.allocation).reduce((sum, { bps }) => sum + bps, 0);
invariant(poolBps === 10_000, 'the pools are the whole supply');

/** A pool's part of the supply, in wei: exact, as the supply is a multiple of 10,000. */
export const poolWei = (pool: Pool): bigint =>
  (SUPPLY_WEI * BigInt(GOVERNANCE_PARAMETERS.allocation[pool].bps)) / 10_000n;
