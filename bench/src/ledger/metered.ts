import { decodeEvent, topics } from '@openledger/contracts';
import { Database } from '@openledger/persistence';
import { migrations, PostgresSettlementStore } from '@openledger/settlement/ledger';
import {
  type Arrival,
  DEFAULT_ROLE_SPLIT,
  RecordPayees,
  RecordUsage,
  scoredOf,
  servedOf,
  settleAnswers,
  subscriptions,
} from '@openledger/settlement/metering';
import { type Bench, type BenchContext, median, quantile } from '../bench.js';
import { withDurablePostgres } from '../eventlog/server.js';
import { type Load, makeLoads, prepareBooks } from './metered-load.js';
import { openTpcb } from './tpcb.js';

const ROUNDS = 3;
const TPCB_S = 8;
const ANSWERS = 24_000;
/** As the event log hands them over while there is a backlog. */
const BATCH = 2_000;
/** Partitions that are worked on side by side. */
const LANES = 3;

/** Keeps the events of credited answers from being queued, to show what that costs. */
class WithoutEvents extends PostgresSettlementStore {
  override onceAll(...[ids, work]: Parameters<PostgresSettlementStore['onceAll']>): Promise<number> {
    return super.onceAll(ids, (tx, fresh) => work({ ...tx, emitAll: () => Promise.resolve() }, fresh));
  }
}

interface Round {
  readonly perSecond: number;
  readonly batchMs: readonly number[];
}

/** Every answer served and then scored, through the handlers that the event log calls. */
async function meteredRound(store: PostgresSettlementStore, { served, scored }: Load): Promise<Round> {
  const usage = usageOn(store);
  const handlers = new Map(
    subscriptions(usage, new RecordPayees(store), { now: () => new Date() }).map((one) => [
      one.topic,
      one.batch,
    ]),
  );
  const { signal } = new AbortController();
  const batchMs: number[] = [];
  let next = 0;
  const lane = async () => {
    while (next < served.length) {
      const first = next;
      next += BATCH;
      for (const [topic, records] of [
        [topics.inferenceServed.name, served],
        [topics.attributionScored.name, scored],
      ] as const) {
        const startedAt = performance.now();
        await handlers.get(topic)?.handle(records.slice(first, first + BATCH), signal);
        batchMs.push(performance.now() - startedAt);
      }
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: LANES }, lane));
  return { perSecond: (served.length * 1_000) / (performance.now() - startedAt), batchMs };
}

/** Posting alone: answers of which all is known already, priced, charged, split and written, without events in or out. */
async function postedRound(store: PostgresSettlementStore, load: Load): Promise<number> {
  const arrivals = load.served.map(({ body }, n): Arrival => {
    const served = servedOf(decodeEvent(topics.inferenceServed, body));
    const scored = scoredOf(decodeEvent(topics.attributionScored, load.scored[n]?.body ?? body));
    const answer = { id: served.id, served, scored };
    return { answer, news: answer, stored: false };
  });
  let next = 0;
  const lane = async () => {
    while (next < arrivals.length) {
      const batch = arrivals.slice(next, next + BATCH);
      next += BATCH;
      await store.transaction((tx) => {
        const silent = { ...tx, emitAll: () => Promise.resolve() };
        return settleAnswers(silent, batch, RULES, new Date());
      });
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: LANES }, lane));
  return (arrivals.length * 1_000) / (performance.now() - startedAt);
}

const RULES = { roles: DEFAULT_ROLE_SPLIT, baseModelOwners: new Map<string, string>() };

const usageOn = (store: PostgresSettlementStore): RecordUsage => new RecordUsage(store, RULES);

/** I6, and that nothing was left out. */
async function expectAllCredited(database: Database, answers: number): Promise<void> {
  const [row] = await database.query<{ credited: number; clearing: string; parts: string }>(
    `SELECT (SELECT count(*)::int FROM request WHERE credited_at IS NOT NULL) AS credited,
       (SELECT (credits_posted - debits_posted)::text FROM account WHERE id = 'clearing:fees') AS clearing,
       (SELECT min(cardinality(array_remove(part_amounts, 0::numeric)))::text FROM request) AS parts`,
  );
  if (row?.credited === answers && row.clearing === '0' && row.parts === '5') return;
  throw new Error(`of ${answers} answers ${JSON.stringify(row)}`);
}

async function measure(url: string, { log, peer }: BenchContext): Promise<Record<string, unknown>> {
  const database = await Database.open({ url, schema: 'settlement', migrations, poolSize: LANES + 1 });
  const store = new PostgresSettlementStore(database);
  const quiet = new WithoutEvents(database);
  const now = new Date();
  await prepareBooks({ store, usage: usageOn(store), now }, database);
  const tpcb = await openTpcb(url);
  peer('TPC-B, scale 50, 16 clients, prepared', tpcb.driver);
  const load = makeLoads(5);
  const figures = {
    ours: [] as number[],
    quiet: [] as number[],
    posted: [] as number[],
    tpcb: [] as number[],
  };
  const batchMs: number[] = [];
  try {
    // The first batches compile statements and code; a service does that once.
    await meteredRound(store, load(2 * BATCH, now));
    for (let round = 1; round <= ROUNDS; round += 1) {
      figures.tpcb.push(await tpcb.round(TPCB_S));
      const ours = await meteredRound(store, load(ANSWERS, now));
      figures.ours.push(ours.perSecond);
      batchMs.push(...ours.batchMs);
      figures.quiet.push((await meteredRound(quiet, load(ANSWERS, now))).perSecond);
      figures.posted.push(await postedRound(store, load(ANSWERS, now)));
      const lasts = Object.entries(figures).map(([name, all]) => `${name} ${all.at(-1)?.toFixed(0)}/s`);
      log(`round ${round}: ${lasts.join(', ')}`);
    }
    await expectAllCredited(database, 3 * ROUNDS * ANSWERS + 2 * BATCH);
  } finally {
    await tpcb.close();
    await database.close();
  }
  const ratioOf = (rates: readonly number[]): number =>
    Number(median(rates.map((rate, i) => rate / (figures.tpcb[i] ?? Number.NaN))).toFixed(1));
  return {
    ratio_vs_tpcb: ratioOf(figures.ours),
    posting_ratio_vs_tpcb: ratioOf(figures.posted),
    answers_per_s: Math.round(median(figures.ours)),
    without_events_per_s: Math.round(median(figures.quiet)),
    posted_per_s: Math.round(median(figures.posted)),
    tpcb_per_s: Math.round(median(figures.tpcb)),
    batch_p50_ms: Number(quantile(batchMs, 0.5).toFixed(0)),
    batch_p99_ms: Number(quantile(batchMs, 0.99).toFixed(0)),
    batch: BATCH,
    payees: 5,
  };
}

export const ledgerMetered: Bench = {
  name: 'ledger.metered',
  summary: 'answers per second from event to money, each split five ways through clearing, beside TPC-B',
  run: (context) =>
    withDurablePostgres(async (postgres) => measure(await postgres.database('bench'), context)),
};
