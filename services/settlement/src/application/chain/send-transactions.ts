import { DomainError, invariant } from '@openledger/kernel';
import { frozenBy } from '../../domain/chain/purpose.js';
import type { SettlementStore, SettlementTx } from '../ports.js';
import { applyMined } from './apply-mined.js';
import { type ChainReader, type Finality, finalBlock } from './chain-ports.js';
import { RepairNonces } from './repair-nonces.js';
import type {
  FreshAttempt,
  MinedTransaction,
  OutgoingTransaction,
  SignedAttempt,
  TransactionSender,
} from './sending-ports.js';

/** Mined ones are looked at until they are final, so this bounds one pass, not the queue. */
const PASS_MAX = 200;
/** What the signer's caps are counted over. */
const CAP_WINDOW_MS = 86_400_000;

/** Points at which a crash is tried out in tests. */
export type SendStep = 'stored' | 'raised' | 'broadcast' | 'mined' | 'requeued';

export interface SendOptions {
  /** When a transaction is believed for ever. */
  readonly finality: Finality;
  /** Without a receipt for this long, the fee is raised. */
  readonly replaceAfterMs: number;
  /** Fee raises before an operator must look. */
  readonly attemptsMax: number;
  readonly onStep?: (step: SendStep, purpose: string) => void | Promise<void>;
  /** Told once when a transaction does not get on by itself. */
  readonly onPage?: (purpose: string, reason: string) => void;
}

interface Found extends MinedTransaction {
  readonly sentHash: string;
}

/**
 * Sends queued transactions in order, one in flight at a time, each exactly once: the nonce is taken and the signed
 * bytes are stored before anything is broadcast, so after a crash the same bytes are sent again and the same nonce
 * can never carry two effects. Transactions that a reorg drops are sent again until they are final. One replica sends
 * for a key at a time.
 */
export class SendTransactions {
  private readonly nonces: RepairNonces;

  constructor(
    private readonly store: SettlementStore,
    private readonly sender: TransactionSender,
    private readonly chain: ChainReader,
    private readonly options: SendOptions,
  ) {
    this.nonces = new RepairNonces(store, sender, chain, options);
  }

  /** Takes every transaction one step further, as far as the chain allows now. */
  async pass(now: Date): Promise<void> {
    await this.store.exclusively(`sender:${this.sender.address}`, async () => {
      const { open, frozen } = await this.store.transaction(async (tx) => ({
        open: await tx.chain.openTransactions(PASS_MAX),
        frozen: { payouts: await tx.cases.frozen('payouts') },
      }));
      for (const transaction of open) {
        const stands = frozenBy(transaction.purpose);
        if (transaction.state === 'queued' && stands && frozen[stands]) continue;
        const settled = await this.advance(transaction, now);
        // What comes later may rely on this one, and must not overtake its nonce.
        if (!settled) return;
      }
    });
  }

  private advance(transaction: OutgoingTransaction, now: Date): Promise<boolean> {
    if (transaction.state === 'mined') return this.recheck(transaction);
    if (transaction.state === 'failed') return this.retry(transaction);
    return this.push(transaction, now);
  }

  /** True once it is mined. */
  private async push(transaction: OutgoingTransaction, now: Date): Promise<boolean> {
    const last = transaction.attempts.at(-1);
    if (!last) return this.signFirst(transaction, now);
    const mined = await this.findMined(transaction);
    if (mined) return this.recordMined(transaction, mined);
    const standing = await this.nonces.look(transaction, now);
    if (standing !== 'next') return standing === 'closed';
    if (this.isDue(last, now)) return this.outbid(transaction, last, now);
    return this.sendOn(transaction, last, now);
  }

  /** A time far ahead of ours was written by a clock that jumped, and must not keep the fee from rising. */
  private isDue(last: SignedAttempt, now: Date): boolean {
    const waitedMs = now.getTime() - last.createdAt.getTime();
    return waitedMs >= this.options.replaceAfterMs || waitedMs < -this.options.replaceAfterMs;
  }

  private async signFirst(transaction: OutgoingTransaction, now: Date): Promise<boolean> {
    const first = await this.sender.minedNonce();
    const { purpose } = transaction;
    const attempt = await this.reporting(purpose, now, () =>
      this.store.transaction(async (tx) => {
        const current = await tx.chain.transaction(purpose);
        if (current?.state !== 'queued') return undefined;
        const nonce = current.nonce ?? (await tx.chain.takeNonce(this.sender.address, first));
        return this.sign(tx, current, nonce, now);
      }),
    );
    if (!attempt) return false;
    await this.options.onStep?.('stored', purpose);
    return this.sendOn({ ...transaction, attempts: [attempt] }, attempt, now);
  }

  /** Same nonce, higher fee: whichever attempt is mined, the effect happens once. */
  private async outbid(transaction: OutgoingTransaction, last: SignedAttempt, now: Date): Promise<boolean> {
    const { nonce, purpose, attempts, signer } = transaction;
    invariant(nonce !== undefined, 'a signed transaction has a nonce');
    const raised = await this.reporting(purpose, now, () => {
      if (attempts.length >= this.options.attemptsMax) {
        throw stuck('TRANSACTION_STUCK', `not mined after ${attempts.length} fees`);
      }
      if (signer !== this.sender.address) throw stuck('SIGNER_CHANGED', 'another key signed it');
      return this.store.transaction(async (tx) => {
        const current = await tx.chain.transaction(purpose);
        if (current?.state !== 'signed' || current.nonce !== nonce) return undefined;
        return this.sign(tx, current, nonce, now);
      });
    });
    if (!raised) return this.sendOn(transaction, last, now, false);
    await this.options.onStep?.('raised', purpose);
    return this.sendOn({ ...transaction, attempts: [...attempts, raised] }, raised, now, false);
  }

  private async sign(
    tx: SettlementTx,
    transaction: OutgoingTransaction,
    nonce: number,
    now: Date,
  ): Promise<SignedAttempt> {
    const { address } = this.sender;
    const replaced = transaction.attempts.at(-1);
    const use = await tx.chain.signingUse(address, nonce, new Date(now.getTime() - CAP_WINDOW_MS));
    const signed: FreshAttempt = await this.sender.sign(transaction.call, nonce, {
      use,
      ...(replaced === undefined ? {} : { replaced }),
    });
    const attempt = { ...signed, createdAt: now };
    await tx.chain.saveAttempt(transaction.purpose, address, nonce, attempt);
    await tx.chain.saveSigning(address, nonce, signed.entry, now);
    return attempt;
  }

  /** Sends an attempt, again where it was sent before: pools forget. */
  private async sendOn(
    transaction: OutgoingTransaction,
    attempt: SignedAttempt,
    now: Date,
    mayRaise = true,
  ): Promise<boolean> {
    const { purpose } = transaction;
    const answer = await this.sender.broadcast(attempt.raw);
    await this.options.onStep?.('broadcast', purpose);
    if (answer.outcome === 'underpriced' && mayRaise) return this.outbid(transaction, attempt, now);
    if (answer.outcome === 'refused') {
      await this.nonces.page(purpose, `BROADCAST_REFUSED: ${answer.message ?? 'no reason given'}`, now);
    }
    const mined = await this.findMined(transaction);
    return mined ? this.recordMined(transaction, mined) : false;
  }

  private async findMined(transaction: OutgoingTransaction): Promise<Found | undefined> {
    for (const attempt of transaction.attempts) {
      const receipt = await this.sender.receipt(attempt.hash);
      if (receipt) return { ...receipt, sentHash: attempt.hash };
    }
    return undefined;
  }

  private async recordMined(transaction: OutgoingTransaction, mined: Found): Promise<boolean> {
    const { purpose } = transaction;
    // A receipt counts only in a block that the chain has: endpoints lag behind reorgs, and lie.
    if ((await this.chain.blockHash(mined.number)) !== mined.hash) return false;
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
    if (mined.number <= (await finalBlock(this.chain, this.options.finality))) {
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
    else if (mined.number <= (await finalBlock(this.chain, this.options.finality))) {
      await this.store.transaction((tx) => tx.chain.requeue(purpose));
      await this.options.onStep?.('requeued', purpose);
    }
    return false;
  }

  /**
   * A refusal by the contract is written down where operators look, and tried again: its cause may go away. What the
   * signer's policy refuses, or what is not mined at any fee that is allowed, is for an operator.
   */
  private async reporting<T>(purpose: string, now: Date, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      const reason = `${error.code}: ${error.message}`;
      if (/^(SIGNER|TRANSACTION)_/.test(error.code)) await this.nonces.page(purpose, reason, now);
      else await this.store.transaction((tx) => tx.chain.saveFailure(purpose, reason, false));
      return undefined;
    }
  }
}

const stuck = (code: string, message: string): DomainError => new DomainError('unavailable', code, message);
