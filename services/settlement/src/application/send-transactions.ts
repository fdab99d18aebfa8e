import { DomainError, invariant } from '@openledger/kernel';
import { applyMined } from './apply-mined.js';
import type {
  ChainReader,
  MinedTransaction,
  OutgoingTransaction,
  SignedAttempt,
  TransactionSender,
} from './chain-ports.js';
import type { SettlementStore } from './ports.js';

/** Mined ones are looked at until they are final, so this bounds one pass, not the queue. */
const PASS_MAX = 200;

/** Points at which a crash is tried out in tests. */
export type SendStep = 'stored' | 'broadcast' | 'mined';

export interface SendOptions {
  /** Blocks on top after which a transaction is believed for ever. */
  readonly finalityBlocks: number;
  /** Without a receipt for this long, the fee is raised. */
  readonly replaceAfterMs: number;
  /** Fee raises before an operator must look. */
  readonly attemptsMax: number;
  readonly onStep?: (step: SendStep, purpose: string) => void | Promise<void>;
}

/**
 * Sends queued transactions in order, one in flight at a time, each exactly once: the nonce is taken and the signed
 * bytes are stored before anything is broadcast, so after a crash the same bytes are sent again and the same nonce
 * can never carry two effects. Transactions that a reorg drops are sent again until they are final.
 */
export class SendTransactions {
  constructor(
    private readonly store: SettlementStore,
    private readonly sender: TransactionSender,
    private readonly chain: ChainReader,
    private readonly options: SendOptions,
  ) {}

  /** Takes every transaction one step further, as far as the chain allows now. */
  async pass(now: Date): Promise<void> {
    for (const transaction of await this.store.transaction((tx) => tx.chain.openTransactions(PASS_MAX))) {
      const settled = await this.advance(transaction, now);
      // What comes later may rely on this one, and must not overtake its nonce.
      if (!settled) return;
    }
  }

  private advance(transaction: OutgoingTransaction, now: Date): Promise<boolean> {
    if (transaction.state === 'mined') return this.recheck(transaction);
    if (transaction.state === 'failed') return this.retry(transaction);
    return this.push(transaction, now);
  }

  /** True once it is mined. */
  private async push(transaction: OutgoingTransaction, now: Date): Promise<boolean> {
    const mined = await this.findMined(transaction);
    if (mined) return this.recordMined(transaction, mined);
    const last = transaction.attempts.at(-1);
    if (!last) return this.signFirst(transaction, now);
    const waitedMs = now.getTime() - last.createdAt.getTime();
    if (waitedMs >= this.options.replaceAfterMs && transaction.attempts.length < this.options.attemptsMax) {
      return this.outbid(transaction, last, now);
    }
    await this.send(last, transaction.purpose);
    return this.pollOnce(transaction);
  }

  private async signFirst(transaction: OutgoingTransaction, now: Date): Promise<boolean> {
    const first = await this.sender.minedNonce();
    const { purpose } = transaction;
    const attempt = await this.reporting(purpose, () =>
      this.store.transaction(async (tx) => {
        const current = await tx.chain.transaction(purpose);
        if (current?.state !== 'queued') return undefined;
        const nonce = await tx.chain.takeNonce(this.sender.address, first);
        const signed = { ...(await this.sender.sign(transaction.call, nonce)), createdAt: now };
        await tx.chain.saveAttempt(purpose, nonce, signed);
        return signed;
      }),
    );
    if (!attempt) return false;
    await this.options.onStep?.('stored', purpose);
    await this.send(attempt, purpose);
    return this.pollOnce({ ...transaction, attempts: [attempt] });
  }

  /** Same nonce, higher fee: whichever attempt is mined, the effect happens once. */
  private async outbid(transaction: OutgoingTransaction, last: SignedAttempt, now: Date): Promise<boolean> {
    const { nonce, purpose } = transaction;
    invariant(nonce !== undefined, 'a signed transaction has a nonce');
    const signed = { ...(await this.sender.sign(transaction.call, nonce, last)), createdAt: now };
    await this.store.transaction((tx) => tx.chain.saveAttempt(purpose, nonce, signed));
    await this.send(signed, purpose);
    return this.pollOnce({ ...transaction, attempts: [...transaction.attempts, signed] });
  }

  private async send(attempt: SignedAttempt, purpose: string): Promise<void> {
    await this.sender.broadcast(attempt.raw);
    await this.options.onStep?.('broadcast', purpose);
  }

  private async pollOnce(transaction: OutgoingTransaction): Promise<boolean> {
    const mined = await this.findMined(transaction);
    return mined ? this.recordMined(transaction, mined) : false;
  }

  private async findMined(
    transaction: OutgoingTransaction,
  ): Promise<(MinedTransaction & { sentHash: string }) | undefined> {
    for (const attempt of transaction.attempts) {
      const receipt = await this.sender.receipt(attempt.hash);
      if (receipt) return { ...receipt, sentHash: attempt.hash };
    }
    return undefined;
  }

  private async recordMined(
    transaction: OutgoingTransaction,
    mined: MinedTransaction & { sentHash: string },
  ): Promise<boolean> {
    const { purpose } = transaction;
    if (!mined.succeeded) {
      await this.store.transaction((tx) =>
        tx.chain.saveFailure(purpose, `reverted in ${mined.sentHash}`, true),
      );
      return false;
    }
    await this.options.onStep?.('mined', purpose);
    await this.store.transaction(async (tx) => {
      const current = await tx.chain.transaction(purpose);
      await tx.chain.saveMined(purpose, mined.sentHash, { number: mined.number, hash: mined.hash });
      if (current?.applied === false) await applyMined(tx, purpose, mined.sentHash);
    });
    return true;
  }

  /** A reorg can take a mined transaction back; its effects stay, because it will be mined again. */
  private async recheck(transaction: OutgoingTransaction): Promise<boolean> {
    const mined = await this.findMined(transaction);
    if (!mined) {
      await this.store.transaction((tx) => tx.chain.saveState(transaction.purpose, 'signed'));
      return false;
    }
    if (mined.hash !== transaction.mined?.hash) return this.recordMined(transaction, mined);
    const depth = (await this.chain.head()) - mined.number;
    if (depth >= this.options.finalityBlocks) {
      await this.store.transaction((tx) => tx.chain.saveState(transaction.purpose, 'final'));
    }
    return true;
  }

  /**
   * A reverted transaction spent its nonce. It is queued again under a new one, but only when the revert is final:
   * a reorg could otherwise let both of them succeed.
   */
  private async retry(transaction: OutgoingTransaction): Promise<boolean> {
    const { purpose } = transaction;
    const mined = await this.findMined(transaction);
    if (!mined) await this.store.transaction((tx) => tx.chain.saveState(purpose, 'signed'));
    else if (mined.succeeded) return this.recordMined(transaction, mined);
    else if ((await this.chain.head()) - mined.number >= this.options.finalityBlocks) {
      await this.store.transaction((tx) => tx.chain.requeue(purpose));
    }
    return false;
  }

  /** A refusal by the contract is written down where operators look, and tried again: its cause may go away. */
  private async reporting<T>(purpose: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      await this.store.transaction((tx) =>
        tx.chain.saveFailure(purpose, `${error.code}: ${error.message}`, false),
      );
      return undefined;
    }
  }
}
