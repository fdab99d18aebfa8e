import { Database } from '@openledger/persistence';
import {
  type Account,
  CHAIN_VAULT,
  CLEARING,
  migrations,
  PostgresSettlementStore,
  payer,
  single,
  type Transfer,
} from '@openledger/settlement/ledger';

export const ACCOUNTS = 100_000;
const FUNDING_BATCH = 5_000;
const FUNDING_WEI = 10n ** 27n;
const AMOUNT_WEI = 1_234_567_890_123n;

/** A generator of one's own, so that every run transfers between the same accounts. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  // mulberry32, public domain (Tommy Ettinger, 2017).
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Zipf with exponent 1 over the accounts, by inversion of its continuous form: as tb-perf of softwaremill draws. */
export const zipf = (random: () => number): number =>
  Math.min(ACCOUNTS - 1, Math.floor(Math.exp(random() * Math.log(ACCOUNTS))) - 1);

/** Accounts by number; the clearing account has none. */
export type Ends = readonly [from: number | 'clearing', to: number | 'clearing'];

/** What settlement posts: fees of payers into clearing, and shares out of it, one after the other. */
export function feesAndShares(random: () => number): () => Ends {
  let share = false;
  return () => {
    share = !share;
    return share ? [zipf(random), 'clearing'] : ['clearing', zipf(random)];
  };
}

/** What benchmarks of ledgers post: between any two accounts. */
export const pairs = (random: () => number) => (): Ends => {
  const from = zipf(random);
  for (;;) {
    const to = zipf(random);
    if (to !== from) return [from, to];
  }
};

const organisation = (n: number): string => `0190f3a0-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
const accountNumber = (n: number): Account => payer(organisation(n));

/** Transfers between accounts that are named once, and by ids of the cheapest kind: naming is not what is measured. */
export class Transfers {
  private readonly accounts = Array.from({ length: ACCOUNTS }, (_, n) => accountNumber(n));
  private readonly startedAt = Date.now().toString(16).padStart(12, '0');
  private made = 0;

  batch(size: number, next: () => Ends): Transfer[] {
    return Array.from({ length: size }, () => {
      const [from, to] = next();
      return {
        id: this.nextId(),
        kind: 'single',
        debit: this.account(from),
        credit: this.account(to),
        amountWei: AMOUNT_WEI,
        reason: 'fee',
        reference: 'ledger.batch',
      };
    });
  }

  /** Time-ordered as version 7 of UUIDs is, with a count where that has chance. */
  private nextId(): string {
    this.made += 1;
    const count = this.made.toString(16).padStart(12, '0');
    return `${this.startedAt.slice(0, 8)}-${this.startedAt.slice(8)}-7000-8000-${count}`;
  }

  private account(end: Ends[number]): Account {
    return (end === 'clearing' ? undefined : this.accounts[end]) ?? CLEARING;
  }
}

export interface OpenLedger {
  readonly database: Database;
  readonly store: PostgresSettlementStore;
}

/** Settlement's own schema with every account funded. */
export async function fundedLedger(url: string, poolSize: number): Promise<OpenLedger> {
  const database = await Database.open({ url, schema: 'settlement', migrations, poolSize });
  const store = new PostgresSettlementStore(database);
  for (let first = 0; first < ACCOUNTS; first += FUNDING_BATCH) {
    const deposits = Array.from({ length: FUNDING_BATCH }, (_, n) =>
      single({
        debit: CHAIN_VAULT,
        credit: accountNumber(first + n),
        amountWei: FUNDING_WEI,
        reason: 'deposit',
        reference: `${first + n}`,
      }),
    );
    await store.transaction((tx) => tx.ledger.post(deposits));
  }
  return { database, store };
}
