import { Interface, ZeroAddress } from 'ethers';
import type { PreparedCall } from './contract.js';
import { type Addresses, addressAt, addressesOf, CONTRACT_NAMES, type ContractName } from './deployment.js';
import type { DeploymentPlan } from './deployment-plan.js';
import { accessManagerArtifact } from './generated/access-manager.js';
import { attributionRegistryArtifact } from './generated/attribution-registry.js';
import { inferenceEscrowArtifact } from './generated/inference-escrow.js';
import { openGovernorArtifact } from './generated/open-governor.js';
import { openTokenArtifact } from './generated/open-token.js';
import { paramRegistryArtifact } from './generated/param-registry.js';
import { prepaidVaultArtifact } from './generated/prepaid-vault.js';
import { rewardsDistributorArtifact } from './generated/rewards-distributor.js';
import { stakeRegistryArtifact } from './generated/stake-registry.js';
import { timelockControllerArtifact } from './generated/timelock-controller.js';
import { tokenVestingArtifact } from './generated/token-vesting.js';
import { GOVERNANCE_PARAMETERS } from './governance-parameters.js';
import { ROLE_FUNCTIONS, ROLES } from './roles.js';

interface AbiEntry {
  readonly type: string;
  readonly name?: string;
}

/** What a compiled contract is deployed and called by. */
export interface Artifact {
  readonly contractName: string;
  readonly abi: readonly AbiEntry[];
  readonly bytecode: string;
}

/** Source of each contract of the suite. */
export const ARTIFACTS: Readonly<Record<ContractName, Artifact>> = {
  token: openTokenArtifact,
  vault: prepaidVaultArtifact,
  distributor: rewardsDistributorArtifact,
  accessManager: accessManagerArtifact,
  timelock: timelockControllerArtifact,
  governor: openGovernorArtifact,
  paramRegistry: paramRegistryArtifact,
  attributionRegistry: attributionRegistryArtifact,
  escrow: inferenceEscrowArtifact,
  stakeRegistry: stakeRegistryArtifact,
};

/** A contract to create. */
export interface Creation {
  /** As it is called in reports. */
  readonly name: string;
  readonly address: string;
  /** Bytecode and constructor arguments. */
  readonly data: string;
}

/** Every creation in order: the n-th is the deployer's transaction with nonce n. */
export function creations(from: string, plan: DeploymentPlan): Creation[] {
  const at = addressesOf(from);
  const wallets = vestingAddresses(from, plan);
  const values = constructorValues(from, plan);
  const suite = CONTRACT_NAMES.map((name) => ({
    name,
    address: at[name],
    data: creation(ARTIFACTS[name], values[name]),
  }));
  const vested = plan.grants.flatMap(({ to, vesting }) => (vesting ? [{ to, vesting }] : []));
  const vesting = vested.map(({ to, vesting: { startS, durationS, revocable } }, i) => ({
    name: `vesting ${i + 1}`,
    address: wallets[i] ?? '',
    data: creation(tokenVestingArtifact, [
      at.token,
      to,
      startS,
      durationS,
      revocable ? at.timelock : ZeroAddress,
    ]),
  }));
  return [...suite, ...vesting];
}

/** Where the grants that unlock over time lie, in the order of the plan. */
export const vestingAddresses = (from: string, plan: DeploymentPlan): string[] =>
  plan.grants
    .filter(({ vesting }) => vesting !== undefined)
    .map((_, i) => addressAt(from, CONTRACT_NAMES.length + i));

/**
 * Names who may do what and hands administration to the timelock, in one transaction: whoever looks at the suite
 * finds it either in the deployer's hands or complete.
 */
export function handOver(from: string, plan: DeploymentPlan): PreparedCall {
  const at = addressesOf(from);
  const manager = Interface.from(accessManagerArtifact.abi);
  const call = (name: string, ...values: unknown[]) => manager.encodeFunctionData(name, values);
  const functions = Object.entries(ROLE_FUNCTIONS).flatMap(([role, contracts]) =>
    Object.entries(contracts).map(([contract, names]) =>
      call(
        'setTargetFunctionRole',
        at[contract as ContractName],
        names.map((name) => selectorOf(contract as ContractName, name)),
        ROLES[role as keyof typeof ROLE_FUNCTIONS],
      ),
    ),
  );
  const vault = partOf(prepaidVaultArtifact, (entry) => entry.name === 'setDistributor');
  const { guardian, operations, administrator } = plan.offices;
  const holders = [
    ['operations', operations],
    ['guardian', guardian],
    ['slasher', plan.keys.slasher],
  ] as const;
  const calls = [
    call('execute', at.vault, vault.encodeFunctionData('setDistributor', [at.distributor, true])),
    // Stakers' part of the fees goes the same way.
    call('execute', at.vault, vault.encodeFunctionData('setDistributor', [at.stakeRegistry, true])),
    ...functions,
    ...holders.flatMap(([role, holder]) => [
      call('labelRole', ROLES[role], role),
      call('grantRole', ROLES[role], holder, 0),
    ]),
    call('grantRole', ROLES.admin, at.timelock, 0),
  ];
  if (administrator !== undefined && administrator !== from) {
    calls.push(call('grantRole', ROLES.admin, administrator, 0));
  }
  if (administrator !== from) calls.push(call('renounceRole', ROLES.admin, from));
  return { to: at.accessManager, data: manager.encodeFunctionData('multicall', [calls]) };
}

/** The selector of a function by its name. @throws TypeError when the contract has none */
export function selectorOf(contract: ContractName, name: string): string {
  const fragment = partOf(ARTIFACTS[contract], (entry) => entry.name === name).getFunction(name);
  if (!fragment) throw new TypeError(`${ARTIFACTS[contract].contractName} has no function ${name}`);
  return fragment.selector;
}

function constructorValues(
  from: string,
  plan: DeploymentPlan,
): Readonly<Record<ContractName, readonly unknown[]>> {
  const at: Addresses = addressesOf(from);
  const wallets = vestingAddresses(from, plan).values();
  const grants = plan.grants.map(({ to, amountWei, vesting }) => [
    vesting ? wallets.next().value : to,
    amountWei,
  ]);
  const { governor, params, timelockDelayS, stakes } = GOVERNANCE_PARAMETERS;
  const { keys, offices, rewards } = plan;
  const treasury = offices.treasury ?? at.timelock;
  return {
    token: [grants],
    vault: [at.token, at.accessManager, keys.operator],
    distributor: [
      at.token,
      at.accessManager,
      [
        keys.poster,
        keys.confirmer,
        treasury,
        rewards.activationDelayS,
        rewards.resolutionWindowS,
        rewards.challengeBondWei,
      ],
    ],
    accessManager: [from],
    // The governor proposes and cancels, anyone executes what has waited, nobody administrates but the timelock.
    timelock: [timelockDelayS, [at.governor], [ZeroAddress], ZeroAddress],
    governor: [
      at.token,
      at.timelock,
      offices.guardian,
      [
        governor.votingDelayS,
        governor.votingPeriodS,
        governor.lateQuorumExtensionS,
        governor.proposalThresholdWei,
        governor.quorumDelegatedBps,
        governor.quorumSupplyBps,
      ],
    ],
    paramRegistry: [
      at.accessManager,
      [
        params.platformBps,
        params.developerBps,
        params.stakersBps,
        params.contributorsBps,
        params.operatorBps,
        params.royaltyBps,
        params.epochLengthS,
        plan.minPayoutWei,
        0,
      ],
    ],
    attributionRegistry: [at.accessManager, keys.publisher],
    escrow: [at.token],
    stakeRegistry: [
      at.token,
      at.accessManager,
      treasury,
      stakes.unbondDelayS,
      stakes.vetoWindowS,
      stakes.slashCapBps,
    ],
  };
}

const creation = (artifact: Artifact, values: readonly unknown[]): string =>
  artifact.bytecode +
  partOf(artifact, ({ type }) => type === 'constructor')
    .encodeDeploy(values)
    .slice(2);

/** A whole ABI takes milliseconds to read, which every start would pay ten times. */
const partOf = (artifact: Artifact, isNeeded: (fragment: AbiEntry) => boolean): Interface =>
  Interface.from(artifact.abi.filter(isNeeded));
