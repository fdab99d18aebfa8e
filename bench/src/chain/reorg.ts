import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database } from '@openledger/persistence';
import { startEmbeddedPostgres } from '@openledger/persistence/embedded';
import { migrations } from '@openledger/settlement/chain';
import type { Bench, BenchContext } from '../bench.js';
import { seeded } from '../ledger/workload.js';
import { Episode } from './reorg-episode.js';

const REORGS = 500;
/** Reorgs of one chain before the next begins: a longer one is indexed again more slowly, and tells no more. */
const REORGS_AN_EPISODE = 10;
const SEED = 2_026;

/** Follows chains that reorganise, sends to them, and compares the books with an index made afresh. */
export const chainReorg: Bench = {
  name: 'chain.reorg',
  summary: 'random reorgs of a simulated chain: books against a fresh index, payouts against the chain',
  run: async (context) => {
    const dir = await mkdtemp(join(tmpdir(), 'reorg-bench-'));
    const postgres = await startEmbeddedPostgres({ dir, durable: false });
    try {
      return await measure(postgres.url, context);
    } finally {
      await postgres.stop();
      await rm(dir, { recursive: true, force: true });
    }
  },
};

async function measure(url: string, { log }: BenchContext): Promise<Record<string, unknown>> {
  const live = await Database.open({ url, schema: 'live', migrations });
  const fresh = await Database.open({ url, schema: 'fresh', migrations });
  const sums = { reorgs: 0, equal: 0, doublePayments: 0, deepest: 0, reversed: 0, payouts: 0 };
  try {
    for (let episode = 0; sums.reorgs < REORGS; episode += 1) {
      const run = await Episode.begin(live, fresh, seeded(SEED + episode));
      for (let reorg = 0; reorg < REORGS_AN_EPISODE; reorg += 1) {
        const outcome = await run.reorg();
        sums.reorgs += 1;
        if (outcome.differences.length === 0) sums.equal += 1;
        else log(`episode ${episode}, reorg ${reorg}: ${outcome.differences.join('; ')}`);
        sums.doublePayments += outcome.doublePayments;
        sums.deepest = Math.max(sums.deepest, outcome.depth);
      }
      const counts = await run.counts();
      sums.reversed += counts.reversed;
      sums.payouts += counts.payouts;
      if (episode % 10 === 9) log(`${sums.reorgs} reorgs, ${sums.equal} equal`);
    }
  } finally {
    await live.close();
    await fresh.close();
  }
  return {
    reorgs: sums.reorgs,
    equal: sums.equal,
    double_payments: sums.doublePayments,
    deepest_blocks: sums.deepest,
    logs_reversed: sums.reversed,
    payouts_mined: sums.payouts,
    seed: SEED,
  };
}
