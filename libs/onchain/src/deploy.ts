import { setTimeout as delay } from 'node:timers/promises';
import { DomainError, invariant } from '@openledger/kernel';
import { Contract, type Provider, type Signer, type TransactionRequest } from 'ethers';
import type { Grant } from './allocation.js';
import { asRevert } from './contract.js';
import { type Creation, creations, handOver, vestingAddresses } from './deploy-steps.js';
import { addressesOf, type Deployment } from './deployment.js';
import { type DeploymentPlan, type DeployOptions, localPlan } from './deployment-plan.js';
import { accessManagerArtifact } from './generated/access-manager.js';
import { ROLES } from './roles.js';

/** Chains mine within minutes or not at all; the deployer's fees are the market's. */
const MINING_LIMIT_MS = 600_000;
/** A local chain mines in milliseconds, others in seconds: each wait is twice the last. */
const MINING_POLL_MS = { first: 5, longest: 1_000 };

/** What a deployment is about to do, and did. */
export type DeployProgress = (line: string) => void;

/**
 * Deploys the suite on a chain of one's own, or finds it there.
 *
 * @param options without an administrator the deployer stays one
 */
export async function deploy(
  signer: Signer,
  grants: readonly Grant[],
  options: Omit<DeployOptions, 'administrator'> & { readonly administrator?: string },
): Promise<Deployment> {
  const administrator = options.administrator ?? (await signer.getAddress());
  return deploySuite(signer, localPlan(grants, { ...options, administrator }));
}

/**
 * Deploys the suite: one transaction a contract, then one that hands it over. Addresses follow from the
 * deployer's nonces, so calling it again with the same plan, after a crash at any point or on every start, only
 * does what is still missing. The deployer's key must be used for nothing else before.
 *
 * @throws DEPLOYER_KEY_USED when another transaction, or a failed creation, took the place of a contract
 * @throws DEPLOYMENT_NOT_MINED when the chain takes more than ten minutes
 */
export async function deploySuite(
  signer: Signer,
  plan: DeploymentPlan,
  report: DeployProgress = () => {},
): Promise<Deployment> {
  const provider = signer.provider;
  invariant(provider, 'the deployer needs a provider');
  const from = await signer.getAddress();
  const steps = creations(from, plan);
  const sender = new NonceSender(signer, provider, from);

  const before = await sender.settle();
  await requireCode(provider, from, steps.slice(0, before));
  const startBlock = await create(sender, steps, before, report);
  await requireCode(provider, from, steps.slice(before));
  if (!(await isHandedOver(provider, from))) {
    report('handing over to the timelock');
    await sender.send([handOver(from, plan)], await provider.getTransactionCount(from, 'latest'));
  }
  const chainId = Number((await provider.getNetwork()).chainId);
  return {
    chainId,
    startBlock: startBlock ?? (await firstBlockOf(provider, from)),
    ...addressesOf(from),
    vestingWallets: vestingAddresses(from, plan),
  };
}

/** Sends what is missing; the block before the first of them when nothing was there. */
async function create(
  sender: NonceSender,
  steps: readonly Creation[],
  done: number,
  report: DeployProgress,
): Promise<number | undefined> {
  const missing = steps.slice(done);
  if (missing.length === 0) return undefined;
  const height = await sender.provider.getBlockNumber();
  for (const { name, address } of missing) report(`creating ${name} at ${address}`);
  await sender.send(missing, done);
  return done === 0 ? height + 1 : undefined;
}

/** Sends transactions one after the other without waiting for each. */
class NonceSender {
  constructor(
    private readonly signer: Signer,
    readonly provider: Provider,
    private readonly from: string,
  ) {}

  /** Waits for what an earlier run sent and did not see mined. Returns how many transactions are mined. */
  async settle(): Promise<number> {
    const [mined, sent] = await Promise.all([
      this.provider.getTransactionCount(this.from, 'latest'),
      this.provider.getTransactionCount(this.from, 'pending'),
    ]);
    if (sent > mined) await this.untilMined(sent);
    return Math.max(sent, mined);
  }

  /** @throws DomainError `CHAIN_…` before anything is sent when a contract would refuse */
  async send(calls: readonly TransactionRequest[], firstNonce: number): Promise<void> {
    const { from, provider, signer } = this;
    const requests = calls.map(({ to, data }) => ({ from, to: to ?? null, data: data ?? '0x' }));
    try {
      const [fees, network, gas] = await Promise.all([
        provider.getFeeData(),
        provider.getNetwork(),
        Promise.all(requests.map((request) => provider.estimateGas(request))),
      ]);
      const prices =
        fees.maxFeePerGas === null || fees.maxPriorityFeePerGas === null
          ? { type: 0, gasPrice: fees.gasPrice }
          : { type: 2, maxFeePerGas: fees.maxFeePerGas, maxPriorityFeePerGas: fees.maxPriorityFeePerGas };
      for (const [i, request] of requests.entries()) {
        await signer.sendTransaction({
          ...request,
          ...prices,
          nonce: firstNonce + i,
          chainId: network.chainId,
          // A constructor's cost does not depend on the state; the call's may, a little.
          gasLimit: ((gas[i] ?? 0n) * 12n) / 10n,
        });
      }
    } catch (error) {
      throw asRevert(error);
    }
    await this.untilMined(firstNonce + calls.length);
  }

  private async untilMined(count: number): Promise<void> {
    const deadline = Date.now() + MINING_LIMIT_MS;
    let waitMs: number = MINING_POLL_MS.first;
    while ((await this.provider.getTransactionCount(this.from, 'latest')) < count) {
      if (Date.now() > deadline) {
        throw new DomainError(
          'unavailable',
          'DEPLOYMENT_NOT_MINED',
          `the chain has not mined the transactions of ${this.from}; run the deployment again later`,
        );
      }
      await delay(waitMs);
      waitMs = Math.min(waitMs * 2, MINING_POLL_MS.longest);
    }
  }
}

async function requireCode(provider: Provider, from: string, steps: readonly Creation[]): Promise<void> {
  const codes = await Promise.all(steps.map(({ address }) => provider.getCode(address)));
  const lacking = steps.find((_, i) => codes[i] === '0x');
  if (lacking === undefined) return;
  throw new DomainError(
    'precondition',
    'DEPLOYER_KEY_USED',
    `there is no ${lacking.name} at ${lacking.address}: ${from} sent other transactions before, or its creation failed; use a new key`,
  );
}

async function isHandedOver(provider: Provider, from: string): Promise<boolean> {
  const { accessManager, timelock } = addressesOf(from);
  const manager = new Contract(accessManager, accessManagerArtifact.abi, provider);
  const [isAdmin] = await manager.getFunction('hasRole').staticCall(ROLES.admin, timelock);
  return Boolean(isAdmin);
}

/** The block of a deployer's first transaction; 0 where the chain does not keep old states. */
async function firstBlockOf(provider: Provider, from: string): Promise<number> {
  try {
    let low = 0;
    let high = await provider.getBlockNumber();
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((await provider.getTransactionCount(from, middle)) > 0) high = middle;
      else low = middle + 1;
    }
    return low;
  } catch {
    return 0;
  }
}
