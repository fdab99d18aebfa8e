export {
  allocate,
  type Beneficiary,
  everythingTo,
  type Grant,
  unlockedWei,
  type Vesting,
  vestingOf,
} from './allocation.js';
export {
  type AnvilOptions,
  DEVELOPMENT_MNEMONIC,
  developmentWallet,
  LOCAL_CHAIN_ID,
  type LocalChain,
  startAnvil,
} from './anvil.js';
export {
  type Anchored,
  ATTRIBUTION_STREAM,
  AttributionRegistry,
  datanetStream,
  type RootAnchor,
  type StreamState,
} from './attribution-registry.js';
export { chainSettings } from './chain-settings.js';
export {
  type ChannelConfig,
  ChannelSigning,
  type ClaimRow,
  type Voucher,
  WITHDRAW_DELAY_MAX_S,
  WITHDRAW_DELAY_MIN_S,
} from './channel-voucher.js';
export { asRevert, type ChainLog, type PreparedCall, sendAndWait } from './contract.js';
export { type DeployProgress, deploy, deploySuite } from './deploy.js';
export {
  type Addresses,
  addressesOf,
  CONTRACT_NAMES,
  type ContractName,
  type Deployment,
} from './deployment.js';
export { checkDeployment, type Difference } from './deployment-check.js';
export { type DeploymentPlan, type DeployOptions, localPlan } from './deployment-plan.js';
export { attributionRegistryArtifact } from './generated/attribution-registry.js';
export { inferenceEscrowArtifact } from './generated/inference-escrow.js';
export { openTokenArtifact } from './generated/open-token.js';
export { prepaidVaultArtifact } from './generated/prepaid-vault.js';
export { rewardsDistributorArtifact } from './generated/rewards-distributor.js';
export { stakeRegistryArtifact } from './generated/stake-registry.js';
export {
  GOVERNANCE_PARAMETERS,
  MONTH_S,
  OPEN_WEI,
  type Pool,
  type PoolTerms,
  poolWei,
  SUPPLY_WEI,
} from './governance-parameters.js';
export {
  type ChannelState,
  CLAIM_ROWS_MAX,
  type DepositAuthorization,
  type EscrowEvent,
  InferenceEscrow,
  type SkipReason,
} from './inference-escrow.js';
export { type CumulativeLeaf, CumulativeTree, verifyProof } from './merkle-tree.js';
export { OpenGovernor, type Proposal, type ProposalState, type Vote } from './open-governor.js';
export { OpenToken } from './open-token.js';
export { ParamRegistry, type ParamsScheduled, type SplitParams } from './param-registry.js';
export { type Deposited, organisationOf, PrepaidVault, payerAccount } from './prepaid-vault.js';
export { ProductionSettings, productionPlan } from './production-plan.js';
export { connect } from './provider.js';
export { type RecordLeaf, RecordTree, verifyRecord } from './record-tree.js';
export {
  type ChallengeArguments,
  type ClaimArguments,
  type Claimed,
  type DistributorEvent,
  type EpochRoot,
  type PostedRoot,
  RewardsDistributor,
  type RootChallenge,
} from './rewards-distributor.js';
export { ROLE_FUNCTIONS, ROLES, type Role } from './roles.js';
export {
  type SlashProposal,
  STAKE_POOLS,
  type StakeEvent,
  type StakePool,
  type StakePoolTotals,
  type StakePosition,
  StakeRegistry,
  type StakeUnbonding,
} from './stake-registry.js';
export { TokenVesting } from './token-vesting.js';
