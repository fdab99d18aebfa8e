import { id, ZeroAddress, ZeroHash } from 'ethers';
import type { Grant } from './allocation.js';
import { ARTIFACTS, type Artifact, selectorOf } from './deploy-steps.js';
import type { ContractName, Deployment } from './deployment.js';
import type { DeploymentPlan } from './deployment-plan.js';
import { tokenVestingArtifact } from './generated/token-vesting.js';
import { GOVERNANCE_PARAMETERS } from './governance-parameters.js';
import { paramsTuple } from './param-registry.js';
import { ROLE_FUNCTIONS, ROLES } from './roles.js';

/** The last second of a uint64. */
const END_OF_TIME_S = 2n ** 64n - 1n;

/** Something that the plan says and a contract can be asked. */
export interface Fact {
  /** As one would say it: `governor.votingDelay`. */
  readonly what: string;
  readonly address: string;
  readonly artifact: Artifact;
  readonly read: string;
  readonly given: readonly unknown[];
  /** An array is compared with as many fields of the answer. */
  readonly expected: unknown;
}

/** Everything that makes a fresh suite the one that was planned. */
export function factsOf(deployment: Deployment, plan: DeploymentPlan, deployer: string): Fact[] {
  const ask = (contract: ContractName, read: string, expected: unknown, ...given: unknown[]): Fact => ({
    what: `${contract}.${read}(${given.join(', ')})`,
    address: deployment[contract],
    artifact: ARTIFACTS[contract],
    read,
    given,
    expected,
  });
  return [
    ...parameterFacts(ask, plan),
    ...wiringFacts(ask, deployment, plan),
    ...roleFacts(ask, deployment, plan, deployer),
    ...vestingFacts(deployment, plan),
  ];
}

type Ask = (contract: ContractName, read: string, expected: unknown, ...given: unknown[]) => Fact;

function parameterFacts(ask: Ask, { rewards, minPayoutWei }: DeploymentPlan): Fact[] {
  const { governor, timelockDelayS, params, stakes } = GOVERNANCE_PARAMETERS;
  // When the first version started is the deployment's own time.
  const firstVersion = paramsTuple({ ...params, minPayoutWei, effectiveAtS: 0 }).slice(0, -1);
  return [
    ask('governor', 'votingDelay', governor.votingDelayS),
    ask('governor', 'votingPeriod', governor.votingPeriodS),
    ask('governor', 'lateQuorumVoteExtension', governor.lateQuorumExtensionS),
    ask('governor', 'proposalThreshold', governor.proposalThresholdWei),
    ask('governor', 'quorumDelegatedBps', governor.quorumDelegatedBps),
    ask('governor', 'quorumSupplyBps', governor.quorumSupplyBps),
    ask('timelock', 'getMinDelay', timelockDelayS),
    ask('paramRegistry', 'paramsOf', firstVersion, 1),
    ask('distributor', 'activationDelay', rewards.activationDelayS),
    ask('distributor', 'resolutionWindow', rewards.resolutionWindowS),
    ask('distributor', 'challengeBond', rewards.challengeBondWei),
    ask('stakeRegistry', 'unbondDelay', stakes.unbondDelayS),
    ask('stakeRegistry', 'vetoWindow', stakes.vetoWindowS),
    ask('stakeRegistry', 'capBps', stakes.slashCapBps),
  ];
}

function wiringFacts(ask: Ask, at: Deployment, { keys, offices }: DeploymentPlan): Fact[] {
  const managed = ['vault', 'distributor', 'paramRegistry', 'attributionRegistry', 'stakeRegistry'] as const;
  const paid = ['vault', 'distributor', 'escrow', 'stakeRegistry', 'governor'] as const;
  const treasury = offices.treasury ?? at.timelock;
  return [
    ...managed.map((name) => ask(name, 'authority', at.accessManager)),
    ...paid.map((name) => ask(name, 'token', at.token)),
    ask('governor', 'timelock', at.timelock),
    ask('governor', 'proposalGuardian', offices.guardian),
    ask('vault', 'operator', keys.operator),
    ask('vault', 'isDistributor', true, at.distributor),
    ask('distributor', 'poster', keys.poster),
    ask('distributor', 'confirmer', keys.confirmer),
    ask('distributor', 'treasury', treasury),
    ask('stakeRegistry', 'treasury', treasury),
    ask('attributionRegistry', 'publisher', keys.publisher),
  ];
}

/** Who administrates, who does not any more, and which function belongs to which role. */
function roleFacts(ask: Ask, at: Deployment, plan: DeploymentPlan, deployer: string): Fact[] {
  const { guardian, operations, administrator } = plan.offices;
  // The second field is the delay: none of a role's holders waits.
  const holds = (role: bigint, account: string, isHeld: boolean) =>
    ask('accessManager', 'hasRole', [isHeld, 0n], role, account);
  const functions = Object.entries(ROLE_FUNCTIONS).flatMap(([role, contracts]) =>
    Object.entries(contracts).flatMap(([contract, names]) =>
      names.map((name) => {
        const target = contract as ContractName;
        const id = ROLES[role as keyof typeof ROLE_FUNCTIONS];
        return ask('accessManager', 'getTargetFunctionRole', id, at[target], selectorOf(target, name));
      }),
    ),
  );
  return [
    holds(ROLES.admin, at.timelock, true),
    holds(ROLES.admin, deployer, administrator === deployer),
    holds(ROLES.operations, operations, true),
    holds(ROLES.guardian, guardian, true),
    holds(ROLES.slasher, plan.keys.slasher, true),
    ask('timelock', 'hasRole', true, id('PROPOSER_ROLE'), at.governor),
    ask('timelock', 'hasRole', true, id('CANCELLER_ROLE'), at.governor),
    ask('timelock', 'hasRole', true, id('EXECUTOR_ROLE'), ZeroAddress),
    ask('timelock', 'hasRole', true, ZeroHash, at.timelock),
    ask('timelock', 'hasRole', false, ZeroHash, deployer),
    ...functions,
  ];
}

function vestingFacts(at: Deployment, { grants }: DeploymentPlan): Fact[] {
  const vested = grants.filter(({ vesting }) => vesting !== undefined);
  return vested.flatMap((grant, i) => walletFacts(`vesting ${i + 1}`, at.vestingWallets[i] ?? '', grant, at));
}

function walletFacts(name: string, address: string, grant: Grant, at: Deployment): Fact[] {
  const { to, amountWei, vesting } = grant;
  const expected = {
    owner: to,
    start: vesting?.startS,
    duration: vesting?.durationS,
    revoker: vesting?.revocable ? at.timelock : ZeroAddress,
    token: at.token,
  };
  const ask = (read: string, value: unknown, ...given: unknown[]): Fact => ({
    what: `${name}.${read}(${given.join(', ')})`,
    address,
    artifact: tokenVestingArtifact,
    read,
    given,
    expected: value,
  });
  return [
    ...Object.entries(expected).map(([read, value]) => ask(read, value)),
    // All that it ever held, released or not.
    ask('vestedAmount(address,uint64)', amountWei, at.token, END_OF_TIME_S),
  ];
}
