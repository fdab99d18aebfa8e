import { chainAddress, wei } from '@openledger/config';
import { DomainError } from '@openledger/kernel';
import { getAddress, ZeroAddress } from 'ethers';
import { z } from 'zod';
import { allocate, type Beneficiary } from './allocation.js';
import { addressesOf } from './deployment.js';
import type { DeploymentPlan } from './deployment-plan.js';
import { GOVERNANCE_PARAMETERS, type Pool, poolWei } from './governance-parameters.js';

const BENEFICIARIES_MAX = 100;

const account = chainAddress.refine((text) => text !== ZeroAddress, 'not the zero address');

/** One beneficiary may leave out its amount, and takes its pool. */
const beneficiaries = z
  .array(
    z.strictObject({
      to: z.union([z.literal('timelock'), account]),
      amountWei: wei.optional(),
    }),
  )
  .min(1)
  .max(BENEFICIARIES_MAX);

/** What a deployment with real money is decided by, besides the parameters that are the same everywhere. */
export const ProductionSettings = z.strictObject({
  /** When grants begin to unlock. */
  genesis: z.iso.datetime(),
  keys: z.strictObject({
    operator: account,
    poster: account,
    confirmer: account,
    publisher: account,
    slasher: account,
  }),
  offices: z.strictObject({
    guardian: account,
    operations: account,
    treasury: account.optional(),
  }),
  beneficiaries: z.strictObject({
    community: beneficiaries,
    ecosystem: beneficiaries,
    investors: beneficiaries,
    team: beneficiaries,
    liquidity: beneficiaries,
  } satisfies Record<Pool, typeof beneficiaries>),
});
export type ProductionSettings = z.infer<typeof ProductionSettings>;

/**
 * The plan of a deployment with real money: every grant vests, nobody administrates but the timelock.
 *
 * @param deployer `timelock` as a beneficiary means the one that this deployer creates
 * @throws SETTINGS_INVALID when the file has another shape
 * @throws POOL_NOT_WHOLE when a pool's grants do not sum to it
 * @throws KEYS_NOT_SEPARATE when one account would check itself
 */
export function productionPlan(given: unknown, deployer: string): DeploymentPlan {
  const parsed = ProductionSettings.safeParse(given);
  if (!parsed.success) {
    throw new DomainError('invalid', 'SETTINGS_INVALID', `Bad settings:\n${z.prettifyError(parsed.error)}`);
  }
  const { genesis, keys, offices } = parsed.data;
  requireSeparate(parsed.data, deployer);
  const { timelock } = addressesOf(deployer);
  const pools = Object.fromEntries(
    Object.entries(parsed.data.beneficiaries).map(([pool, given]) => [
      pool,
      given.map(
        ({ to, amountWei }): Beneficiary => ({
          to: to === 'timelock' ? timelock : getAddress(to),
          amountWei: amountWei ?? (given.length === 1 ? poolWei(pool as Pool) : 0n),
        }),
      ),
    ]),
  ) as Record<Pool, Beneficiary[]>;
  return {
    grants: allocate(pools, Math.floor(Date.parse(genesis) / 1_000)),
    keys,
    offices: {
      guardian: offices.guardian,
      operations: offices.operations,
      ...(offices.treasury !== undefined && { treasury: offices.treasury }),
    },
    minPayoutWei: GOVERNANCE_PARAMETERS.params.minPayoutWei,
    rewards: GOVERNANCE_PARAMETERS.rewards,
  };
}

/** Who posts must not confirm, who slashes must not veto, and a key in daily use must not be able to stop the rest. */
function requireSeparate({ keys, offices }: ProductionSettings, deployer: string): void {
  const pairs: [string, string, string, string][] = [
    ['poster', keys.poster, 'confirmer', keys.confirmer],
    ...Object.entries(keys).map(([name, key]): [string, string, string, string] => [
      name,
      key,
      'guardian',
      offices.guardian,
    ]),
    ['deployer', deployer, 'guardian', offices.guardian],
    ['deployer', deployer, 'operations', offices.operations],
  ];
  for (const [one, address, other, otherAddress] of pairs) {
    if (address.toLowerCase() !== otherAddress.toLowerCase()) continue;
    throw new DomainError(
      'invalid',
      'KEYS_NOT_SEPARATE',
      `${one} and ${other} are the same account, ${address}: one exists to check the other`,
    );
  }
}
