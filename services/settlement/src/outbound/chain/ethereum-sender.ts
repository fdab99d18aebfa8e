import { asRevert } from '@openledger/onchain';
import { type Provider, Transaction } from 'ethers';
import {
  type BroadcastAnswer,
  type FreshAttempt,
  type MinedTransaction,
  type SignedAttempt,
  type SigningContext,
  TransactionSender,
} from '../../application/chain/sending-ports.js';
import type { ContractCall } from '../../application/epochs/epoch-ports.js';
import { greater } from '../../domain/ledger/standing.js';
import { broadcastAnswerOf } from './broadcast-answer.js';
import { L1Fee } from './l1-fee.js';
import type { PolicedSigner } from './signers/policed-signer.js';
import { toEthers } from './signers/signed-transaction.js';

/** Share of the estimate added, because state may move between simulation and inclusion. */
const GAS_MARGIN_PERCENT = 25n;
/** Geth asks for 10 % more to replace, some clients for 12.5 %; both fees must rise. */
const REPLACE_PERCENT = 113n;
/** Lowest tip offered, in wei: enough where blocks are empty. */
const TIP_MIN_WEI = 1_000_000n;
const FEE_HISTORY_BLOCKS = 5;

type JsonRpc = Provider & { send(method: string, params: unknown[]): Promise<unknown> };

/** Prices, has signed and sends by JSON-RPC. */
export class EthereumSender extends TransactionSender {
  readonly address: string;
  private readonly l1Fee: L1Fee;

  constructor(
    private readonly provider: JsonRpc,
    private readonly signer: PolicedSigner,
  ) {
    super();
    this.address = signer.address;
    this.l1Fee = new L1Fee(provider);
  }

  minedNonce(): Promise<number> {
    return this.provider.getTransactionCount(this.address, 'latest');
  }

  async sign(call: ContractCall, nonce: number, { use, replaced }: SigningContext): Promise<FreshAttempt> {
    const gasLimit = replaced ? Transaction.from(replaced.raw).gasLimit : await this.simulate(call);
    const fees = outbid(await this.fees(), replaced);
    const unsigned = {
      chainId: this.signer.policy.chainId,
      nonce,
      to: call.to,
      data: call.data,
      valueWei: 0n,
      gasLimit,
      ...fees,
    };
    const l1FeeWei = await this.l1Fee.of(toEthers(unsigned).unsignedSerialized);
    const costWei = gasLimit * fees.maxFeeWei + l1FeeWei;
    const { raw, hash, entry } = await this.signer.sign(unsigned, costWei, use);
    return { raw, hash, entry, gasLimit, ...fees };
  }

  async broadcast(raw: string): Promise<BroadcastAnswer> {
    try {
      await this.provider.send('eth_sendRawTransaction', [raw]);
      return { outcome: 'accepted' };
    } catch (error) {
      const answer = broadcastAnswerOf(error);
      if (answer) return answer;
      throw error;
    }
  }

  async receipt(hash: string): Promise<MinedTransaction | undefined> {
    const receipt = await this.provider.getTransactionReceipt(hash);
    if (!receipt || receipt.hash.toLowerCase() !== hash.toLowerCase()) return undefined;
    return { number: receipt.blockNumber, hash: receipt.blockHash, succeeded: receipt.status === 1 };
  }

  /** Halves the chain until it has the block in which the count of the key passes the nonce. */
  async spender(nonce: number): Promise<{ hash: string; number: number } | undefined> {
    try {
      let low = 0;
      let high = await this.provider.getBlockNumber();
      if ((await this.countAt(high)) <= nonce) return undefined;
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        if ((await this.countAt(middle)) > nonce) high = middle;
        else low = middle + 1;
      }
      const block = await this.provider.getBlock(low, true);
      const found = block?.prefetchedTransactions.find(
        (one) => one.nonce === nonce && one.from.toLowerCase() === this.address.toLowerCase(),
      );
      return found && { hash: found.hash, number: low };
    } catch {
      // Most nodes keep the state of the newest blocks only.
      return undefined;
    }
  }

  private countAt(block: number): Promise<number> {
    return this.provider.getTransactionCount(this.address, block);
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
