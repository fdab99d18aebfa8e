import { createHash } from 'node:crypto';
import type { ChainEvent } from '@openledger/settlement/chain';

export type Dice = () => number;

/** A transaction of anybody; `payout` is one of the key under test. */
export interface SimulatedTransaction {
  readonly hash: string;
  readonly event?: ChainEvent;
  readonly payout?: { readonly nonce: number; readonly purpose: string; readonly amountWei: bigint };
}

interface Included {
  readonly transaction: SimulatedTransaction;
  readonly succeeded: boolean;
}

interface Block {
  readonly number: number;
  readonly hash: string;
  readonly parent: string;
  readonly included: readonly Included[];
}

const GENESIS: Block = { number: 0, hash: hashOf('genesis'), parent: '', included: [] };
/** Of payouts that run out of gas for no reason of their own. */
const REVERT_SHARE = 0.03;
const RETURN_SHARE = 0.6;
const AGAIN_AT_ONCE_SHARE = 0.25;

export function hashOf(...parts: readonly unknown[]): string {
  return `0x${createHash('sha256').update(parts.join('|')).digest('hex')}`;
}

/**
 * A chain that can do everything a chain does to those who read it: drop its newest blocks, put others in their place,
 * shorter or longer, with the same transactions in another order, later, or never again, and come back to what it
 * had dropped. One seed decides everything.
 */
export class SimulatedChain {
  private blocks: Block[] = [GENESIS];
  private abandoned: Block[] = [];
  private readonly pool = new Map<string, SimulatedTransaction>();
  private salt = 0;
  /** What payees may claim so far: roots are posted when their funds are in the books. */
  claimableWei = 0n;

  constructor(private readonly dice: Dice) {}

  get height(): number {
    return this.blocks.length - 1;
  }

  at(number: number): Block | undefined {
    return this.blocks[number];
  }

  /** Everything that is part of the chain, in order. */
  included(): Included[] {
    return this.blocks.flatMap((block) => block.included);
  }

  submit(transaction: SimulatedTransaction): void {
    const { payout } = transaction;
    for (const waiting of this.pool.values()) {
      // A pool keeps one transaction for each nonce.
      if (payout && waiting.payout?.nonce === payout.nonce) this.pool.delete(waiting.hash);
    }
    this.pool.set(transaction.hash, transaction);
  }

  has(hash: string): boolean {
    return this.pool.has(hash);
  }

  minedNonce(): number {
    return this.included().filter(({ transaction }) => transaction.payout).length;
  }

  /** What the vault holds, and what the distributor was given and has paid. */
  balances(): { readonly vaultWei: bigint; readonly fundedWei: bigint; readonly claimedWei: bigint } {
    let [vaultWei, fundedWei, claimedWei] = [0n, 0n, 0n];
    for (const { transaction, succeeded } of this.included()) {
      if (!succeeded) continue;
      if (transaction.event?.kind === 'deposited') vaultWei += transaction.event.amountWei;
      if (transaction.event?.kind === 'claimed') claimedWei += transaction.event.amountWei;
      if (transaction.payout) fundedWei += transaction.payout.amountWei;
    }
    return { vaultWei: vaultWei - fundedWei, fundedWei, claimedWei };
  }

  /** What each channel holds. */
  private channels(): Map<string, bigint> {
    const held = new Map<string, bigint>();
    for (const { transaction } of this.included()) {
      const { event } = transaction;
      if (event?.kind !== 'channel-funded' && event?.kind !== 'channel-withdrawn') continue;
      const change = event.kind === 'channel-funded' ? event.amountWei : -event.amountWei;
      held.set(event.channelId, (held.get(event.channelId) ?? 0n) + change);
    }
    return held;
  }

  /** Mines a block of what fits, in any order. */
  mine(share = 0.8): void {
    const waiting = shuffled([...this.pool.values()], this.dice).sort(byNonce);
    this.append(waiting.filter(() => this.dice() < share));
  }

  /** Puts `length` other blocks in the place of the newest `depth`, or comes back to what was dropped before. */
  reorganise(depth: number, length: number): void {
    const kept = Math.max(1, this.blocks.length - depth);
    const back = this.abandoned;
    const dropped = this.blocks.slice(kept);
    const isNear = back[0] !== undefined && back[0].number >= kept;
    if (back[0] && isNear && this.blocks[back[0].number - 1]?.hash === back[0].parent && this.dice() < 0.5) {
      this.abandoned = this.blocks.slice(back[0].number);
      this.blocks = [...this.blocks.slice(0, back[0].number), ...back];
      this.restore(this.abandoned);
      return;
    }
    this.abandoned = dropped;
    this.blocks = this.blocks.slice(0, kept);
    const again = this.restore(dropped);
    this.append(again);
    for (let more = 1; more < length; more += 1) this.mine(0.5);
  }

  /** What becomes of transactions that lost their block; those to be mined again at once, in their order. */
  private restore(dropped: readonly Block[]): SimulatedTransaction[] {
    const here = new Set(this.included().map(({ transaction }) => transaction.hash));
    for (const hash of here) this.pool.delete(hash);
    const again: SimulatedTransaction[] = [];
    for (const { transaction } of dropped.flatMap((block) => block.included)) {
      if (here.has(transaction.hash)) continue;
      const fate = this.dice();
      if (fate < AGAIN_AT_ONCE_SHARE) again.push(transaction);
      else if (fate < RETURN_SHARE) this.submit(transaction);
    }
    return again;
  }

  private append(transactions: readonly SimulatedTransaction[]): void {
    const included: Included[] = [];
    let nonce = this.minedNonce();
    let { vaultWei, fundedWei, claimedWei } = this.balances();
    const channels = this.channels();
    const channelWei = (id: string): bigint => channels.get(id) ?? 0n;
    for (const transaction of transactions) {
      const { event, payout } = transaction;
      let succeeded = true;
      if (payout) {
        if (payout.nonce !== nonce) continue;
        nonce += 1;
        succeeded = payout.amountWei <= vaultWei && this.dice() >= REVERT_SHARE;
        if (succeeded) {
          vaultWei -= payout.amountWei;
          fundedWei += payout.amountWei;
        }
      } else if (event?.kind === 'claimed') {
        if (claimedWei + event.amountWei > lesser(fundedWei, this.claimableWei)) continue;
        claimedWei += event.amountWei;
      } else if (event?.kind === 'channel-withdrawn') {
        if (event.amountWei > channelWei(event.channelId)) continue;
        channels.set(event.channelId, channelWei(event.channelId) - event.amountWei);
      } else if (event?.kind === 'channel-funded') {
        channels.set(event.channelId, channelWei(event.channelId) + event.amountWei);
      } else if (event?.kind === 'deposited') vaultWei += event.amountWei;
      included.push({ transaction, succeeded });
      this.pool.delete(transaction.hash);
    }
    const parent = this.blocks.at(-1) ?? GENESIS;
    this.salt += 1;
    const hash = hashOf(parent.hash, this.salt, ...included.map(({ transaction }) => transaction.hash));
    this.blocks.push({ number: parent.number + 1, hash, parent: parent.hash, included });
  }
}

const lesser = (a: bigint, b: bigint): bigint => (a < b ? a : b);

const byNonce = (a: SimulatedTransaction, b: SimulatedTransaction): number =>
  (a.payout?.nonce ?? 0) - (b.payout?.nonce ?? 0);

export function shuffled<T>(values: readonly T[], dice: Dice): T[] {
  return values
    .map((value) => ({ value, at: dice() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}
