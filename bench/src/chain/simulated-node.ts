import { DomainError } from '@openledger/kernel';
import {
  type BroadcastAnswer,
  ChainReader,
  type FreshAttempt,
  type MinedTransaction,
  type SeenLog,
  type SigningContext,
  TransactionSender,
} from '@openledger/settlement/chain';
import { type Dice, hashOf, type SimulatedChain } from './simulated-chain.js';

export class SimulatedReader extends ChainReader {
  constructor(private readonly chain: SimulatedChain) {
    super();
  }

  async head(): Promise<number> {
    return this.chain.height;
  }

  async blockHash(number: number): Promise<string | undefined> {
    return this.chain.at(number)?.hash;
  }

  async logs(from: number, to: number): Promise<SeenLog[]> {
    const logs: SeenLog[] = [];
    for (let number = from; number <= to; number += 1) {
      const block = this.chain.at(number);
      for (const [logIndex, { transaction, succeeded }] of (block?.included ?? []).entries()) {
        if (!block || !transaction.event || !succeeded) continue;
        const { hash: transactionHash, event } = transaction;
        logs.push({ transactionHash, logIndex, blockNumber: number, blockHash: block.hash, event });
      }
    }
    return logs;
  }

  async tagged(): Promise<undefined> {
    return undefined;
  }
}

/** The data of a call, as the payouts here write it. */
interface PayoutCall {
  readonly purpose: string;
  readonly amountWei: string;
}
const NOTHING: PayoutCall = { purpose: 'gap', amountWei: '0' };

/** How bad the node is that takes transactions; shares of its answers. */
export interface NodeFaults {
  forgets: number;
  fails: number;
  hides: number;
}

export class SimulatedSender extends TransactionSender {
  readonly address = '0x000000000000000000000000000000000000aaaa';

  constructor(
    private readonly chain: SimulatedChain,
    private readonly dice: Dice,
    private readonly faults: NodeFaults,
  ) {
    super();
  }

  async minedNonce(): Promise<number> {
    return this.chain.minedNonce();
  }

  async sign(
    call: { readonly data: string },
    nonce: number,
    { replaced }: SigningContext,
  ): Promise<FreshAttempt> {
    const { purpose, amountWei } = call.data === '0x' ? NOTHING : (JSON.parse(call.data) as PayoutCall);
    if (!replaced && BigInt(amountWei) > this.chain.balances().vaultWei) {
      throw new DomainError('precondition', 'CHAIN_EXCEEDS_BALANCE', 'the vault holds less');
    }
    const feeWei = (replaced?.maxFeeWei ?? 100n) * 2n;
    const raw = JSON.stringify({ purpose, amountWei, nonce, feeWei: feeWei.toString() });
    const entry = { rule: 'fund', costWei: 0n, movedWei: 0n };
    return { hash: hashOf(raw), raw, maxFeeWei: feeWei, tipWei: feeWei, gasLimit: 1n, entry };
  }

  async broadcast(raw: string): Promise<BroadcastAnswer> {
    const hash = hashOf(raw);
    if (this.chain.has(hash)) return { outcome: 'known' };
    const { purpose, amountWei, nonce } = JSON.parse(raw) as PayoutCall & { readonly nonce: number };
    if (nonce < this.chain.minedNonce()) return { outcome: 'spent' };
    if (this.dice() < this.faults.forgets) return { outcome: 'accepted' };
    this.chain.submit({ hash, payout: { nonce, purpose, amountWei: BigInt(amountWei) } });
    if (this.dice() < this.faults.fails) throw new Error('the node did not answer in time');
    return { outcome: 'accepted' };
  }

  async receipt(hash: string): Promise<MinedTransaction | undefined> {
    if (this.dice() < this.faults.hides) return undefined;
    for (let number = this.chain.height; number > 0; number -= 1) {
      const block = this.chain.at(number);
      const found = block?.included.find(({ transaction }) => transaction.hash === hash);
      if (block && found) return { number, hash: block.hash, succeeded: found.succeeded };
    }
    return undefined;
  }

  async spender(nonce: number): Promise<{ hash: string; number: number } | undefined> {
    for (let number = this.chain.height; number > 0; number -= 1) {
      const found = this.chain
        .at(number)
        ?.included.find(({ transaction }) => transaction.payout?.nonce === nonce);
      if (found) return { hash: found.transaction.hash, number };
    }
    return undefined;
  }
}
