import { type Bench, type BenchContext, median, quantile } from '../bench.js';
import { withDurablePostgres } from '../eventlog/server.js';
import { BaselineLedger } from './baseline.js';
import { openTpcb } from './tpcb.js';
import {
  type Ends,
  feesAndShares,
  fundedLedger,
  type OpenLedger,
  pairs,
  seeded,
  Transfers,
} from './workload.js';

const ROUNDS = 3;
const ROUND_S = 7;
const BATCH = 2_000;
const WRITERS = 2;

interface Round {
  readonly perSecond: number;
  readonly batchMs: readonly number[];
}

async function ledgerRound({ store }: OpenLedger, transfers: Transfers, next: () => Ends): Promise<Round> {
  const startedAt = performance.now();
  const until = startedAt + ROUND_S * 1_000;
  const batchMs: number[] = [];
  let done = 0;
  const writer = async () => {
    while (performance.now() < until) {
      const batch = transfers.batch(BATCH, next);
      const sentAt = performance.now();
      const results = await store.transaction((tx) => tx.ledger.submit(batch));
      batchMs.push(performance.now() - sentAt);
      done += results.filter(({ code }) => code === 'created').length;
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  return { perSecond: (done * 1_000) / (performance.now() - startedAt), batchMs };
}

async function measure(url: string, { log, peer }: BenchContext): Promise<Record<string, unknown>> {
  const ledger = await fundedLedger(url, WRITERS);
  const tpcb = await openTpcb(url);
  const baseline = await BaselineLedger.open(url);
  peer('TPC-B, scale 50, 16 clients, prepared', tpcb.driver);
  peer(
    'one transaction for each transfer, 16 clients',
    'bench/src/ledger/baseline.ts, after Formance Ledger',
  );
  const transfers = new Transfers();
  const traffic = { shares: feesAndShares(seeded(3)), pairs: pairs(seeded(5)) };
  const perSecond = {
    shares: [] as number[],
    pairs: [] as number[],
    tpcb: [] as number[],
    baseline: [] as number[],
  };
  const batchMs: number[] = [];
  try {
    await ledger.database.query('ANALYZE');
    for (let round = 1; round <= ROUNDS; round += 1) {
      perSecond.tpcb.push(await tpcb.round(ROUND_S));
      const shares = await ledgerRound(ledger, transfers, traffic.shares);
      perSecond.shares.push(shares.perSecond);
      batchMs.push(...shares.batchMs);
      perSecond.pairs.push((await ledgerRound(ledger, transfers, traffic.pairs)).perSecond);
      perSecond.baseline.push(await baseline.round(ROUND_S));
      const last = Object.entries(perSecond).map(([name, all]) => `${name} ${all.at(-1)?.toFixed(0)}/s`);
      log(`round ${round}: ${last.join(', ')}`);
    }
  } finally {
    await baseline.close();
    await tpcb.close();
    await ledger.database.close();
  }
  const ratio = (ours: readonly number[], others: readonly number[]) =>
    Number(median(ours.map((one, round) => one / (others[round] ?? Number.NaN))).toFixed(1));
  return {
    ratio_vs_tpcb: ratio(perSecond.shares, perSecond.tpcb),
    ratio_vs_baseline: ratio(perSecond.shares, perSecond.baseline),
    ratio_vs_tpcb_between_any_two: ratio(perSecond.pairs, perSecond.tpcb),
    transfers_per_s: Math.round(median(perSecond.shares)),
    tpcb_per_s: Math.round(median(perSecond.tpcb)),
    baseline_per_s: Math.round(median(perSecond.baseline)),
    batch_p50_ms: Number(quantile(batchMs, 0.5).toFixed(1)),
    batch_p99_ms: Number(quantile(batchMs, 0.99).toFixed(1)),
    batch: BATCH,
    writers: WRITERS,
  };
}

export const ledgerBatch: Bench = {
  name: 'ledger.batch',
  summary: 'transfers per second in batches, beside TPC-B and a transaction for each transfer',
  run: (context) =>
    withDurablePostgres(async (postgres) => measure(await postgres.database('bench'), context)),
};
