import { gapPurpose, isGap } from '../../domain/chain/purpose.js';
import type { SettlementStore } from '../ports.js';
import { type ChainReader, type Finality, finalBlock } from './chain-ports.js';
import type { OutgoingTransaction, TransactionSender } from './sending-ports.js';

/** One look may have met a node that lags. */
const GAP_LOOKS = 3;
const GAP_NONCES_MAX = 16;

export interface RepairOptions {
  readonly finality: Finality;
  /** How long to wait before the blocks are searched again for who spent a nonce. */
  readonly replaceAfterMs: number;
  readonly onPage?: (purpose: string, reason: string) => void;
}

/**
 * Keeps the nonces of a key without holes. One below ours that nothing spends holds up everything behind it: what we
 * sent under it is sent again, and where there is nothing a transfer of nothing to ourselves takes its place. No nonce
 * is ever skipped.
 */
export class RepairNonces {
  private looks = 0;
  private readonly searched = new Map<string, Date>();

  constructor(
    private readonly store: SettlementStore,
    private readonly sender: TransactionSender,
    private readonly chain: ChainReader,
    private readonly options: RepairOptions,
  ) {}

  /** `next`: nothing keeps it from being mined. `closed`: it has no effect to wait for. */
  async look(transaction: OutgoingTransaction, now: Date): Promise<'next' | 'wait' | 'closed'> {
    const { nonce, signer } = transaction;
    if (nonce === undefined || signer !== this.sender.address) return 'next';
    const mined = await this.sender.minedNonce();
    if (mined > nonce) return this.explainSpent(transaction, nonce, now);
    if (mined === nonce) this.looks = 0;
    else await this.fill(mined, nonce);
    return 'next';
  }

  async page(purpose: string, reason: string, now: Date): Promise<void> {
    const first = await this.store.transaction((tx) => tx.chain.page(purpose, reason, now));
    if (first) this.options.onPage?.(purpose, reason);
  }

  private async fill(from: number, to: number): Promise<void> {
    this.looks += 1;
    if (this.looks < GAP_LOOKS) return;
    this.looks = 0;
    const { address } = this.sender;
    await this.store.transaction(async (tx) => {
      for (let nonce = from; nonce < Math.min(to, from + GAP_NONCES_MAX); nonce += 1) {
        const known = await tx.chain.transactionAt(address, nonce);
        if (known?.state === 'mined' || known?.state === 'final') {
          await tx.chain.saveState(known.purpose, 'signed');
        } else if (!known) {
          const purpose = gapPurpose(address, nonce);
          await tx.chain.enqueueAt({ purpose, call: { to: address, data: '0x' } }, address, nonce);
        }
      }
    });
  }

  /**
   * The chain says that the nonce is spent and has no receipt of ours. That a receipt is missing proves nothing:
   * nodes lose them, and sending under a new nonce could pay twice. Only the block that holds another transaction
   * under this nonce does, and then somebody else has the key, so payouts stop as well.
   */
  private async explainSpent(
    transaction: OutgoingTransaction,
    nonce: number,
    now: Date,
  ): Promise<'wait' | 'closed'> {
    const { purpose } = transaction;
    if (isGap(purpose)) {
      await this.store.transaction((tx) => tx.chain.saveState(purpose, 'final'));
      return 'closed';
    }
    const before = this.searched.get(purpose);
    const sinceMs = before === undefined ? this.options.replaceAfterMs : Math.abs(+now - +before);
    if (sinceMs < this.options.replaceAfterMs) return 'wait';
    this.searched.set(purpose, now);

    const spender = await this.sender.spender(nonce);
    const ours = transaction.attempts.some(({ hash }) => hash === spender?.hash);
    if (!spender || ours) {
      await this.page(purpose, `RECEIPT_MISSING: nonce ${nonce} is spent and no receipt is to be had`, now);
      return 'wait';
    }
    if (spender.number > (await finalBlock(this.chain, this.options.finality))) return 'wait';
    await this.store.transaction(async (tx) => {
      await tx.cases.open(
        {
          freezes: 'payouts',
          code: 'NONCE_FOREIGN',
          subject: `${this.sender.address}:${nonce}`,
          expected: transaction.attempts.at(-1)?.hash ?? purpose,
          actual: spender.hash,
          blockNumber: spender.number,
        },
        now,
      );
      await tx.chain.requeue(purpose);
    });
    this.searched.delete(purpose);
    return 'wait';
  }
}
