import { DomainError } from '@openledger/kernel';
import type { Database } from '@openledger/persistence';
import {
  CHAIN_DISTRIBUTOR,
  type ChainEvent,
  PostgresSettlementStore,
  payer,
  SendTransactions,
  single,
  WatchChain,
} from '@openledger/settlement/chain';
import {
  balanceOf,
  beginBooks,
  CHANNELS,
  EARNED,
  netBalances,
  ORGANISATIONS,
  WALLETS,
} from './reorg-books.js';
import { type Dice, hashOf, SimulatedChain } from './simulated-chain.js';
import { type NodeFaults, SimulatedReader, SimulatedSender } from './simulated-node.js';

const NOW = new Date('2026-11-21T00:00:00Z');
/** Deeper than any reorg here: what is this deep is final. */
const FINALITY_BLOCKS = 16;
const DEPTH_MAX = 12;
const SETTLE_ROUNDS_MAX = 120;

export interface ReorgOutcome {
  readonly depth: number;
  /** Accounts that stand otherwise than in a fresh index. */
  readonly differences: readonly string[];
  /** Payouts that the chain holds more than once, or the books not as the chain. */
  readonly doublePayments: number;
}

class Crash extends Error {}

/** One chain from its first block on, the service's own watcher and sender beside it, and what payers spend. */
export class Episode {
  private readonly chain: SimulatedChain;
  private readonly faults: NodeFaults = { forgets: 0, fails: 0, hides: 0 };
  private readonly spentWei = new Map<string, bigint>();
  private readonly payouts = new Map<string, bigint>();
  private transactions = 0;
  private clockMs = 0;

  private constructor(
    private readonly live: Database,
    private readonly fresh: Database,
    private readonly dice: Dice,
  ) {
    this.chain = new SimulatedChain(dice);
  }

  static async begin(live: Database, fresh: Database, dice: Dice): Promise<Episode> {
    const episode = new Episode(live, fresh, dice);
    await beginBooks(live);
    return episode;
  }

  /** Lives on, reorganises, settles, and compares. */
  async reorg(): Promise<ReorgOutcome> {
    Object.assign(this.faults, { forgets: 0.2, fails: 0.1, hides: 0.2 });
    for (let blocks = this.upTo(4); blocks > 0; blocks -= 1) await this.liveOn();
    const depth = this.upTo(DEPTH_MAX);
    this.chain.reorganise(depth, Math.max(1, depth - 3 + this.upTo(6)));
    if (this.dice() < 0.5) await this.work();
    await this.settle();
    return {
      depth,
      differences: await this.compare(),
      doublePayments: await this.doublePayments(),
    };
  }

  async counts(): Promise<{ reversed: number; payouts: number }> {
    const [row] = await this.live.query<{ reversed: string }>(
      "SELECT count(*) AS reversed FROM journal WHERE reason = 'reorg'",
    );
    return { reversed: Number(row?.reversed ?? 0), payouts: this.payouts.size };
  }

  /** One block of life: people act, and the service works or is late. */
  private async liveOn(): Promise<void> {
    for (let acts = this.upTo(3); acts > 0; acts -= 1) this.act();
    if (this.dice() < 0.4) await this.spend();
    if (this.dice() < 0.4) await this.payOut();
    if (this.dice() < 0.6) await this.work();
    this.chain.mine();
    if (this.dice() < 0.6) await this.work();
    this.chain.claimableWei = await this.bookedWei();
  }

  private act(): void {
    this.transactions += 1;
    const amountWei = BigInt(this.upTo(50));
    const kind = this.dice();
    let event: ChainEvent;
    if (kind < 0.55) {
      const organisationId = this.any([...ORGANISATIONS, undefined]);
      event = {
        kind: 'deposited',
        ...(organisationId === undefined ? {} : { organisationId }),
        from: '0xfrom',
        amountWei,
      };
    } else if (kind < 0.75) event = { kind: 'claimed', epoch: 1, wallet: this.any(WALLETS), amountWei };
    else {
      const { id: channelId } = this.any(CHANNELS);
      event = { kind: kind < 0.9 ? 'channel-funded' : 'channel-withdrawn', channelId, amountWei };
    }
    this.chain.submit({ hash: hashOf('act', this.transactions, this.dice()), event });
  }

  /** Payers spend what they have, so that an undone deposit leaves a debt. */
  private async spend(): Promise<void> {
    const organisationId = this.any(ORGANISATIONS);
    const haveWei = -(await balanceOf(this.live, payer(organisationId).id));
    if (haveWei <= 0n) return;
    const amountWei = (haveWei * BigInt(this.upTo(100))) / 100n || 1n;
    this.transactions += 1;
    const reference = `spend:${this.transactions}`;
    await new PostgresSettlementStore(this.live).transaction((tx) =>
      tx.ledger.post([
        single({ debit: payer(organisationId), credit: EARNED, amountWei, reason: 'fee', reference }),
      ]),
    );
    this.spentWei.set(organisationId, (this.spentWei.get(organisationId) ?? 0n) + amountWei);
  }

  private async payOut(): Promise<void> {
    const amountWei = BigInt(this.upTo(30));
    if (amountWei > this.chain.balances().vaultWei) return;
    const epoch = this.payouts.size + 1;
    const purpose = `fund:${epoch}`;
    this.payouts.set(purpose, amountWei);
    const data = JSON.stringify({ purpose, amountWei: amountWei.toString() });
    await new PostgresSettlementStore(this.live).transaction(async (tx) => {
      const bounds = { ledgerFrom: epoch, ledgerTo: epoch, closedAt: NOW };
      await tx.epochs.begin({ epoch, revision: 1, previousRoot: '0x', ...bounds });
      await tx.epochs.saveFunding(purpose, epoch, amountWei);
      await tx.chain.enqueue({ purpose, call: { to: '0xvault', data } });
    });
  }

  /** A pass of watcher and sender in new processes, which may crash at any step. */
  private async work(): Promise<void> {
    const store = new PostgresSettlementStore(this.live);
    const reader = new SimulatedReader(this.chain);
    const watch = new WatchChain(store, reader, { startBlock: 0, confirmations: 1 });
    const send = new SendTransactions(
      store,
      new SimulatedSender(this.chain, this.dice, this.faults),
      reader,
      {
        finality: { blocks: FINALITY_BLOCKS },
        replaceAfterMs: 60_000,
        attemptsMax: 50,
        onStep: () => {
          if (this.faults.fails > 0 && this.dice() < 0.1) throw new Crash();
        },
      },
    );
    this.clockMs += 45_000;
    const now = new Date(NOW.getTime() + this.clockMs);
    await watch.catchUp(() => now).catch(expected);
    await send.pass(now).catch(expected);
  }

  /** Goes on in good weather until everything that can be mined is mined, and seen. */
  private async settle(): Promise<void> {
    Object.assign(this.faults, { forgets: 0, fails: 0, hides: 0 });
    // The last pass may have crashed before it looked for what the reorg took back.
    await this.work();
    for (let rounds = 0; rounds < SETTLE_ROUNDS_MAX; rounds += 1) {
      const [row] = await this.live.query<{ open: number }>(
        "SELECT count(*)::int AS open FROM chain_tx WHERE state NOT IN ('mined', 'final')",
      );
      const [head] = await this.live.query<{ number: string; hash: string }>(
        'SELECT number, hash FROM chain_block ORDER BY number DESC LIMIT 1',
      );
      if (row?.open === 0 && head?.hash === this.chain.at(this.chain.height)?.hash) return;
      if ((row?.open ?? 0) > 0 || Number(head?.number ?? 0) > this.chain.height) {
        // Somebody deposits in time, so that what was promised can be paid.
        if (rounds % 5 === 4) {
          this.transactions += 1;
          const event = { kind: 'deposited', from: '0xfrom', amountWei: 100n } as const;
          this.chain.submit({ hash: hashOf('help', this.transactions), event });
        }
        this.chain.mine();
      }
      await this.work();
    }
    throw new Error(`not settled after ${SETTLE_ROUNDS_MAX} blocks`);
  }

  private async compare(): Promise<string[]> {
    await beginBooks(this.fresh);
    const store = new PostgresSettlementStore(this.fresh);
    const reader = new SimulatedReader(this.chain);
    const fundedWei = this.fundedWei();
    // Payouts come from the sender and not from the chain's logs, so the distributor is given them here.
    if (fundedWei > 0n) {
      const given = { debit: CHAIN_DISTRIBUTOR, credit: EARNED, amountWei: fundedWei };
      await store.transaction((tx) =>
        tx.ledger.post([single({ ...given, reason: 'given', reference: 'given' })]),
      );
    }
    await new WatchChain(store, reader, { startBlock: 0, confirmations: 1 }).catchUp(() => NOW);
    const [mine, theirs] = [await netBalances(this.live), await netBalances(this.fresh)];
    const expected = new Map(theirs);
    const add = (name: string, wei: bigint) => expected.set(name, (expected.get(name) ?? 0n) + wei);
    add('vault', -fundedWei);
    add(EARNED.id, fundedWei);
    for (const [organisationId, wei] of this.spentWei) {
      add(`payer:${organisationId}`, wei);
      add(EARNED.id, -wei);
    }
    const names = new Set([...mine.keys(), ...expected.keys()]);
    return [...names].flatMap((name) => {
      const [is, should] = [mine.get(name) ?? 0n, expected.get(name) ?? 0n];
      return is === should ? [] : [`${name} is ${is} and not ${should}`];
    });
  }

  /** Payouts that are in the books. */
  private async bookedWei(): Promise<bigint> {
    const [row] = await this.live.query<{ wei: string }>(
      "SELECT coalesce(sum(amount), 0) AS wei FROM journal WHERE reason = 'fund'",
    );
    return BigInt(row?.wei ?? 0);
  }

  private fundedWei(): bigint {
    return [...this.payouts.values()].reduce((sum, wei) => sum + wei, 0n);
  }

  /** Each payout is on the chain once, and in the books once and whole. */
  private async doublePayments(): Promise<number> {
    const times = new Map<string, number>();
    for (const { transaction, succeeded } of this.chain.included()) {
      const purpose = transaction.payout?.purpose;
      if (purpose !== undefined && succeeded) times.set(purpose, (times.get(purpose) ?? 0) + 1);
    }
    const rows = await this.live.query<{ reference: string; wei: string }>(
      "SELECT reference, sum(amount) AS wei FROM journal WHERE reason = 'fund' GROUP BY 1",
    );
    const booked = new Map(rows.map((row) => [row.reference, row]));
    return [...this.payouts].filter(([purpose, wei]) => {
      const row = booked.get(purpose);
      return times.get(purpose) !== 1 || BigInt(row?.wei ?? 0) !== wei;
    }).length;
  }

  private upTo(max: number): number {
    return 1 + Math.floor(this.dice() * max);
  }

  private any<T>(values: readonly T[]): T {
    return values[Math.floor(this.dice() * values.length)] as T;
  }
}

/** Crashes, nodes that fail, and a branch that is still shorter than the one before are part of the game. */
function expected(error: unknown): void {
  if (error instanceof DomainError && error.code === 'RPC_HEAD_BACKWARDS') return;
  if (error instanceof Crash || /did not answer in time/.test(String(error))) return;
  throw error;
}
