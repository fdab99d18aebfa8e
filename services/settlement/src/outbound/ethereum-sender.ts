import { asRevert } from '@openledger/onchain';
import { isError, type Provider, Transaction, type Wallet } from 'ethers';
import { type MinedTransaction, type SignedAttempt, TransactionSender } from '../application/chain-ports.js';
import type { ContractCall } from '../application/epoch-ports.js';
import { greater } from '../domain/standing.js';

/** Share of the estimate added, because state may move between simulation and inclusion. */
const GAS_MARGIN_PERCENT = 25n;
/** Geth asks for 10 % more to replace, some clients for 12.5 %; both fees must rise. */
const REPLACE_PERCENT = 113n;
/** Lowest tip offered, in wei: enough where blocks are empty. */
const TIP_MIN_WEI = 1_000_000n;
const FEE_HISTORY_BLOCKS = 5;

/** Signs with a local key and sends by JSON-RPC. */
export class EthereumSender extends TransactionSender {
  readonly address: string;

  constructor(
    private readonly provider: Provider & { send(method: string, params: unknown[]): Promise<unknown> },
    private readonly wallet: Wallet,
    private readonly chainId: number,
  ) {
    super();
    this.address = wallet.address;
  }

  minedNonce(): Promise<number> {
    return this.provider.getTransactionCount(this.address, 'latest');
  }

  async sign(
    call: ContractCall,
    nonce: number,
    replaced?: SignedAttempt,
  ): Promise<Omit<SignedAttempt, 'createdAt'>> {
    const gasLimit = replaced ? Transaction.from(replaced.raw).gasLimit : await this.simulate(call);
    const fees = outbid(await this.fees(), replaced);
    const transaction = Transaction.from({
      type: 2,
      chainId: this.chainId,
      nonce,
      to: call.to,
      data: call.data,
      gasLimit,
      maxFeePerGas: fees.maxFeeWei,
      maxPriorityFeePerGas: fees.tipWei,
    });
    const raw = await this.wallet.signTransaction(transaction);
    return { hash: Transaction.from(raw).hash ?? '', raw, ...fees };
  }

  async broadcast(raw: string): Promise<void> {
    try {
      await this.provider.send('eth_sendRawTransaction', [raw]);
    } catch (error) {
      if (!isKnown(error)) throw error;
    }
  }

  async receipt(hash: string): Promise<MinedTransaction | undefined> {
    const receipt = await this.provider.getTransactionReceipt(hash);
    if (!receipt) return undefined;
    return { number: receipt.blockNumber, hash: receipt.blockHash, succeeded: receipt.status === 1 };
  }

  /**
   * Gas for a first attempt. A replacement keeps its predecessor's: nodes simulate on top of the pool, where the
   * predecessor has happened already, and would answer with a revert or with too little gas.
   */
  private async simulate(call: ContractCall): Promise<bigint> {
    try {
      const gas = await this.provider.estimateGas({ ...call, from: this.address });
      return gas + (gas * GAS_MARGIN_PERCENT) / 100n;
    } catch (error) {
      throw asRevert(error);
    }
  }

  private async fees(): Promise<{ maxFeeWei: bigint; tipWei: bigint }> {
    const block = await this.provider.getBlock('latest');
    const history = (await this.provider.send('eth_feeHistory', [
      `0x${FEE_HISTORY_BLOCKS.toString(16)}`,
      'latest',
      [50],
    ])) as { reward?: string[][] };
    const tips = (history.reward ?? []).flat().map(BigInt);
    const tipWei = tips.reduce(greater, TIP_MIN_WEI);
    // Twice the base fee stays enough for six full blocks in a row (each raises it by an eighth).
    return { maxFeeWei: (block?.baseFeePerGas ?? 0n) * 2n + tipWei, tipWei };
  }
}

function outbid(fees: { maxFeeWei: bigint; tipWei: bigint }, replaced: SignedAttempt | undefined) {
  if (!replaced) return fees;
  const higher = (now: bigint, before: bigint): bigint =>
    greater(now, (before * REPLACE_PERCENT + 99n) / 100n);
  return {
    maxFeeWei: higher(fees.maxFeeWei, replaced.maxFeeWei),
    tipWei: higher(fees.tipWei, replaced.tipWei),
  };
}

/** The node has, or had, these very bytes; whether they were mined is for the receipt to say. */
function isKnown(error: unknown): boolean {
  if (isError(error, 'NONCE_EXPIRED')) return true;
  return /already (known|imported)|nonce too low/i.test(
    error instanceof Error ? error.message : String(error),
  );
}
