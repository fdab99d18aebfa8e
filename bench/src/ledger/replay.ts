import { derivedId } from '@openledger/kernel';
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
import pg from 'pg';
import type { Bench, BenchContext } from '../bench.js';
import { withDurablePostgres } from '../eventlog/server.js';
import { seeded } from './workload.js';

const WRITERS = 8;
const BATCHES = 40;
const BATCH = 500;
const PAYERS = 100;
const PAYEES = 4;
const DRIFTED_MAX = 10;
const FUNDS_WEI = 10n ** 24n;

const organisation = (n: number): string => `0190f3a0-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
const payee = (n: number): Account => ({ id: `developer:${organisation(n)}`, kind: 'liability' });
const POOR = payer(organisation(PAYERS));

/** Fees of hot payers, holds that are settled for less, shares of few payees, and what a payer without money tries. */
function batchOf(number: number, random: () => number): Transfer[] {
  const facts = { reason: 'replay', reference: `${number}` };
  const isPlain = number % 2 === 0;
  return Array.from({ length: BATCH }, (_, n): Transfer[] => {
    const from = payer(organisation(Math.floor(random() * PAYERS)));
    const id = derivedId(`${number}`, `${n}`);
    const amountWei = BigInt(1 + Math.floor(random() * 1_000_000));
    const fee: Transfer = { ...facts, id, kind: 'single', debit: from, credit: CLEARING, amountWei };
    const draw = random();
    if (isPlain || draw < 0.8) {
      const to = payee(Math.floor(random() * PAYEES));
      return [fee, { ...fee, id: derivedId(id, 'share'), debit: CLEARING, credit: to }];
    }
    if (draw < 0.9) return [{ ...fee, debit: POOR }];
    const hold: Transfer = { ...fee, kind: 'pending', amountWei: amountWei + 7n };
    return [hold, { ...fee, id: derivedId(id, 'post'), kind: 'post', pendingId: hold.id }];
  }).flat();
}

/** What the accounts must show: every transfer of somebody with money once, and nothing else. */
function expectedBalances(batches: readonly (readonly Transfer[])[]): Map<string, bigint> {
  const balances = new Map<string, bigint>();
  const move = ({ debit, credit, amountWei }: Transfer) => {
    balances.set(debit.id, (balances.get(debit.id) ?? 0n) - amountWei);
    balances.set(credit.id, (balances.get(credit.id) ?? 0n) + amountWei);
  };
  for (const transfer of [...deposits(), ...batches.flat()]) {
    if (transfer.debit.id !== POOR.id && transfer.kind !== 'pending') move(transfer);
  }
  return balances;
}

const deposits = (): Transfer[] =>
  Array.from({ length: PAYERS }, (_, n) =>
    single({
      debit: CHAIN_VAULT,
      credit: payer(organisation(n)),
      amountWei: FUNDS_WEI,
      reason: 'deposit',
      reference: `${n}`,
    }),
  );

interface Replay {
  readonly created: number;
  readonly errors: number;
}

async function replay(
  store: PostgresSettlementStore,
  batches: readonly (readonly Transfer[])[],
  random: () => number,
): Promise<Replay> {
  let created = 0;
  let errors = 0;
  for (const batch of batches.toSorted(() => random() - 0.5)) {
    try {
      const results = await store.transaction((tx) => tx.ledger.submit(batch));
      created += results.filter(({ code }) => code === 'created').length;
    } catch {
      errors += 1;
    }
  }
  return { created, errors };
}

/** Servers count a deadlock when its session ends, so this asks after all have. */
async function deadlocksOf(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ deadlocks: string }>(
      'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
    );
    return Number(rows[0]?.deadlocks ?? Number.NaN);
  } finally {
    await client.end();
  }
}

async function measure(url: string, { log }: BenchContext): Promise<Record<string, unknown>> {
  const database = await Database.open({ url, schema: 'settlement', migrations, poolSize: WRITERS });
  try {
    const store = new PostgresSettlementStore(database);
    await store.transaction((tx) => tx.ledger.post(deposits()));
    const random = seeded(17);
    const batches = Array.from({ length: BATCHES }, (_, number) => batchOf(number, random));
    const startedAt = performance.now();
    const replays = await Promise.all(
      Array.from({ length: WRITERS }, (_, writer) => replay(store, batches, seeded(writer))),
    );
    const seconds = (performance.now() - startedAt) / 1_000;
    const total = (pick: (one: Replay) => number) => replays.reduce((sum, one) => sum + pick(one), 0);
    const submitted = batches.flat();
    const unique = submitted.filter(({ debit }) => debit.id !== POOR.id).length;
    log(`${submitted.length * WRITERS} submitted, ${unique} to happen once`);
    const wrong = await wrongBalances(store, expectedBalances(batches));
    const drifted = await store.transaction((tx) => tx.seals.drifted(DRIFTED_MAX));
    return {
      exact: wrong.length === 0 && drifted.length === 0 && total(({ created }) => created) === unique,
      errors: total((one) => one.errors),
      submitted: submitted.length * WRITERS,
      happened: total(({ created }) => created),
      submissions_per_s: Math.round((submitted.length * WRITERS) / seconds),
      writers: WRITERS,
    };
  } finally {
    await database.close();
  }
}

async function wrongBalances(
  store: PostgresSettlementStore,
  expected: ReadonlyMap<string, bigint>,
): Promise<string[]> {
  const accounts = [...expected.keys(), POOR.id].map(
    (id): Account => ({ id, kind: id === CHAIN_VAULT.id ? 'asset' : 'liability' }),
  );
  const standings = await store.transaction((tx) => tx.ledger.lockAll(accounts));
  return accounts.flatMap(({ id }, index) => {
    const standing = standings[index];
    const balance = standing && standing.creditsPostedWei - standing.debitsPostedWei;
    const reserved = standing && standing.creditsPendingWei + standing.debitsPendingWei;
    return balance === (expected.get(id) ?? 0n) && reserved === 0n ? [] : [id];
  });
}

export const ledgerReplay: Bench = {
  name: 'ledger.replay',
  summary: 'eight writers submit the same batches in any order: everything happens once, nobody deadlocks',
  run: (context) =>
    withDurablePostgres(async (postgres) => {
      const url = await postgres.database('bench');
      const { exact, ...rest } = await measure(url, context);
      return { exact, deadlocks: await deadlocksOf(url), ...rest };
    }),
};
