import { DomainError } from '@openledger/kernel';
import {
  type AttributionRegistry,
  attributionRegistryArtifact,
  type InferenceEscrow,
  inferenceEscrowArtifact,
  type PrepaidVault,
  prepaidVaultArtifact,
  type RewardsDistributor,
  rewardsDistributorArtifact,
  type StakeRegistry,
  stakeRegistryArtifact,
} from '@openledger/onchain';
import { Interface, type InterfaceAbi } from 'ethers';
import type { TransactionSigner } from './application/chain/signer-ports.js';
import type { SettlementConfig } from './config.js';
import type { SigningRule } from './domain/chain/signing-policy.js';
import { DigestSigner } from './outbound/chain/signers/digest-signer.js';
import { LocalSigner } from './outbound/chain/signers/local-signer.js';
import { PolicedSigner } from './outbound/chain/signers/policed-signer.js';
import { RemoteDigestKey, RemoteSigner } from './outbound/chain/signers/remote-signer.js';

export interface SignedFor {
  readonly vault: PrepaidVault;
  readonly distributor: RewardsDistributor;
  readonly escrow: InferenceEscrow;
  readonly registry: AttributionRegistry;
  readonly stakes: StakeRegistry;
}

/** The operator's key behind the list of what it may sign. */
export function policedSigner(config: SettlementConfig, contracts: SignedFor): PolicedSigner {
  return new PolicedSigner(signerOf(config), {
    chainId: config.CHAIN_ID,
    rules: signingRules(contracts, config.SETTLEMENT_FUND_LIMIT_WEI),
    dailyCostWei: config.SETTLEMENT_GAS_BUDGET_WEI,
  });
}

/** Roots that can be disabled at once, and are posted again under their numbers: those that wait to be active. */
const DISABLED_MAX = 32n;

/** Everything that settlement sends: nothing else may be signed. */
export function signingRules(contracts: SignedFor, fundLimitWei: bigint): SigningRule[] {
  const { vault, distributor, escrow, registry, stakes } = contracts;
  return [
    {
      name: 'fund',
      to: vault.address,
      selector: selectorOf(prepaidVaultArtifact.abi, 'fund'),
      moves: { word: 1, dailyWei: fundLimitWei },
    },
    {
      name: 'root',
      to: distributor.address,
      selector: selectorOf(rewardsDistributorArtifact.abi, 'postRoot'),
      markWord: 0,
      markBack: DISABLED_MAX,
    },
    { name: 'claim', to: escrow.address, selector: selectorOf(inferenceEscrowArtifact.abi, 'claim') },
    { name: 'settle', to: escrow.address, selector: selectorOf(inferenceEscrowArtifact.abi, 'settle') },
    { name: 'notify', to: stakes.address, selector: selectorOf(stakeRegistryArtifact.abi, 'notifyHeld') },
    {
      name: 'anchor',
      to: registry.address,
      selector: selectorOf(attributionRegistryArtifact.abi, 'anchor'),
      markWord: 2,
    },
  ];
}

function signerOf(config: SettlementConfig): TransactionSigner {
  const { SETTLEMENT_SIGNER: kind } = config;
  if (kind === 'local') {
    return new LocalSigner(given(config.SETTLEMENT_OPERATOR_KEY, 'SETTLEMENT_OPERATOR_KEY', kind));
  }
  const address = given(config.SETTLEMENT_SIGNER_ADDRESS, 'SETTLEMENT_SIGNER_ADDRESS', kind);
  const token = config.SETTLEMENT_SIGNER_TOKEN;
  const endpoint = {
    url: given(config.SETTLEMENT_SIGNER_URL, 'SETTLEMENT_SIGNER_URL', kind),
    ...(token === undefined ? {} : { token }),
  };
  if (kind === 'http') return new RemoteSigner(address, endpoint);
  return new DigestSigner(address, new RemoteDigestKey(address, endpoint));
}

function given(value: string | undefined, name: string, kind: string): string {
  if (value !== undefined) return value;
  throw new DomainError('precondition', 'SIGNER_NOT_CONFIGURED', `SETTLEMENT_SIGNER=${kind} needs ${name}`);
}

function selectorOf(abi: InterfaceAbi, name: string): string {
  const found = Interface.from(abi).getFunction(name);
  if (found) return found.selector;
  throw new Error(`the contract has no function ${name}`);
}
