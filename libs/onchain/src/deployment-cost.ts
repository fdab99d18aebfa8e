import { DomainError } from '@openledger/kernel';
import { Contract, concat, type Provider } from 'ethers';
import type { Creation } from './deploy-steps.js';

/** Of `handOver`, which cannot be estimated before its contracts exist; measured 1.16 million. */
const HAND_OVER_GAS = 1_500_000n;
const HAND_OVER_BYTES = 4_000;
/** A signed transaction's bytes beside its data. */
const ENVELOPE_BYTES = 120;
/** Fees may rise between the estimate and the last transaction. */
const MARGIN_PERCENT = 130n;

/** Where the OP Stack publishes what data costs on L1 (https://specs.optimism.io/protocol/predeploys.html). */
const GAS_PRICE_ORACLE = '0x420000000000000000000000000000000000000F';
const ORACLE_ABI = ['function getL1Fee(bytes) view returns (uint256)'];

/** What is still missing would cost, in wei, with a margin. */
export interface DeploymentCost {
  readonly gas: bigint;
  readonly l2FeeWei: bigint;
  /** For the data on L1; 0 on a chain that is not an OP-Stack rollup. */
  readonly l1FeeWei: bigint;
  readonly totalWei: bigint;
}

/** @throws DomainError `CHAIN_…` when a constructor refuses its arguments */
export async function costOf(
  provider: Provider,
  from: string,
  missing: readonly Creation[],
): Promise<DeploymentCost> {
  const [fees, oracle, gas] = await Promise.all([
    provider.getFeeData(),
    provider.getCode(GAS_PRICE_ORACLE),
    Promise.all(missing.map(({ data }) => provider.estimateGas({ from, data }))),
  ]);
  const total = gas.reduce((sum, one) => sum + one, HAND_OVER_GAS);
  const price = fees.maxFeePerGas ?? fees.gasPrice ?? 0n;
  const l2FeeWei = total * price;
  const l1FeeWei = oracle === '0x' ? 0n : await l1Fee(provider, missing);
  return { gas: total, l2FeeWei, l1FeeWei, totalWei: ((l2FeeWei + l1FeeWei) * MARGIN_PERCENT) / 100n };
}

/** @throws DEPLOYER_UNDERFUNDED before anything is sent: half a deployment helps nobody. */
export async function requireFunds(provider: Provider, from: string, cost: DeploymentCost): Promise<void> {
  const held = await provider.getBalance(from);
  if (held >= cost.totalWei) return;
  throw new DomainError(
    'precondition',
    'DEPLOYER_UNDERFUNDED',
    `${from} holds ${held} wei, the deployment may cost ${cost.totalWei}`,
    { details: { heldWei: String(held), neededWei: String(cost.totalWei) } },
  );
}

async function l1Fee(provider: Provider, missing: readonly Creation[]): Promise<bigint> {
  const oracle = new Contract(GAS_PRICE_ORACLE, ORACLE_ABI, provider);
  // Incompressible bytes stand for the envelope and the hand-over: the fee follows the compressed size.
  const filler = (bytes: number) => `0x${'a5'.repeat(bytes)}`;
  const payloads = [
    ...missing.map(({ data }) => concat([data, filler(ENVELOPE_BYTES)])),
    filler(HAND_OVER_BYTES),
  ];
  const fees = await Promise.all(
    payloads.map(async (payload) => BigInt(await oracle.getFunction('getL1Fee').staticCall(payload))),
  );
  return fees.reduce((sum, fee) => sum + fee, 0n);
}
