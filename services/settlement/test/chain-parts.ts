import { InferenceEscrow, ParamRegistry, StakeRegistry } from '@openledger/onchain';
import type { JsonRpcProvider } from 'ethers';
import type { SigningPolicy } from '../src/domain/chain/signing-policy.js';
import { EthereumReader } from '../src/outbound/chain/ethereum-reader.js';
import { EthereumSender } from '../src/outbound/chain/ethereum-sender.js';
import {
  distributorEvents,
  escrowEvents,
  parameterEvents,
  stakeEvents,
  vaultEvents,
} from '../src/outbound/chain/event-sources.js';
import { LocalSigner } from '../src/outbound/chain/signers/local-signer.js';
import { PolicedSigner } from '../src/outbound/chain/signers/policed-signer.js';
import { signingRules } from '../src/signer.js';
import type { ChainFixture } from './chain-fixture.js';

export const escrowOf = (fixture: ChainFixture): InferenceEscrow =>
  new InferenceEscrow(fixture.deployment.escrow, fixture.chain.provider, fixture.chain.chainId);

/** Reads every event of the deployment, as the service does. */
export const chainReader = (
  fixture: ChainFixture,
  provider: JsonRpcProvider = fixture.chain.provider,
): EthereumReader =>
  new EthereumReader(provider, [
    ...vaultEvents(fixture.vault),
    ...distributorEvents(fixture.distributor),
    ...escrowEvents(escrowOf(fixture), fixture.deployment.vault),
    ...parameterEvents(new ParamRegistry(fixture.deployment.paramRegistry, provider)),
    ...stakeEvents(new StakeRegistry(fixture.deployment.stakeRegistry, provider)),
  ]);

export const stakesOf = (fixture: ChainFixture): StakeRegistry =>
  new StakeRegistry(fixture.deployment.stakeRegistry, fixture.chain.provider);

export const policyOf = (fixture: ChainFixture): SigningPolicy => ({
  chainId: fixture.chain.chainId,
  rules: signingRules({ ...fixture, escrow: escrowOf(fixture), stakes: stakesOf(fixture) }, 10n ** 27n),
  dailyCostWei: 10n ** 18n,
});

/** The operator's key behind the service's own policy. */
export const chainSender = (
  fixture: ChainFixture,
  provider: JsonRpcProvider = fixture.chain.provider,
  policy: SigningPolicy = policyOf(fixture),
): EthereumSender =>
  new EthereumSender(provider, new PolicedSigner(new LocalSigner(fixture.operatorKey), policy));
