import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Engine, type ScoredAnswer } from '@openledger/attribution/engine';
import { FolderBlobStore } from '@openledger/blob-store';
import { canonicalJson, PPB } from '@openledger/kernel';
import type { Bench } from '../bench.js';
import { seedlingDir } from '../repository.js';
import { type CanaryBed, canaryBed } from './canary-bed.js';
import { facts, nullQuestions } from './canary-facts.js';
import { estimate, meanOf, named } from './evaluation.js';
import { storeVersion } from './stored-version.js';

type Score = (answer: Awaited<ReturnType<CanaryBed['ask']>>) => Promise<ScoredAnswer>;

/** Facts that one contributor alone taught, asked of the product's own engine; and what nobody taught. */
export const attributionCanary: Bench = {
  name: 'attribution.canary',
  summary: 'who is paid for facts that one contributor taught, and for what the base model knows',
  async run({ log }) {
    const bed = await canaryBed();
    const dir = await mkdtemp(join(tmpdir(), 'attribution-canary-'));
    const blobs = await FolderBlobStore.open(dir);
    const engine = new Engine(blobs, {
      modelDir: seedlingDir,
      threads: 2,
      tokensMax: 512,
      recordsMax: 10_000,
    });
    try {
      const { version } = await storeVersion(blobs, bed.source);
      const index = await engine.index(version, () => undefined);
      log(`${index.records} records indexed`);
      let asked = 0;
      const score: Score = async (answer) => {
        asked += 1;
        return engine.score({
          version,
          indexDigest: index.digest,
          requestId: `request-${asked}`,
          tokensBlob: await blobs.put(Buffer.from(canonicalJson({ ...answer, context: [] }))),
          parties: new Map(),
          withdrawn: [],
          chunkOwners: new Map(),
          reliability: index.reliability,
        });
      };
      const planted = await plantedFigures(bed, score, log);
      return { ...planted, ...(await nullFigures(bed, score, log)), records: index.records };
    } finally {
      await bed.release();
      await engine.release();
      await rm(dir, { recursive: true, force: true });
    }
  },
};

/** How the training pool of each fact is shared. */
async function plantedFigures(bed: CanaryBed, score: Score, log: (line: string) => void) {
  const shares: number[] = [];
  const pools: number[] = [];
  let first = 0;
  let recalled = 0;
  for (const [i, [prompt, taught]] of facts.entries()) {
    const owner = bed.owners[i] ?? '';
    const answer = await bed.ask(prompt, true);
    const scored = await score(answer);
    const paid = scored.contributors.toSorted((a, b) => b.influencePpb - a.influencePpb);
    const sum = paid.reduce((total, { influencePpb }) => total + influencePpb, 0);
    const own = paid.find(({ contributorId }) => contributorId === owner)?.influencePpb ?? 0;
    shares.push(sum > 0 ? own / sum : 0);
    pools.push(sum / Number(PPB));
    if (sum > 0 && paid[0]?.contributorId === owner) first += 1;
    const text = bed.textOf(answer.completionTokens);
    if (text.trim() === taught) recalled += 1;
    log(`${(shares.at(-1) ?? 0).toFixed(3)} of ${(pools.at(-1) ?? 0).toFixed(3)}: ${text}`);
  }
  return {
    ...named('owner_share', estimate(shares)),
    top1: first,
    facts: facts.length,
    recalled,
    planted_paid: meanOf(pools),
  };
}

/** What contributors get of answers that the base model gives by itself. */
async function nullFigures(bed: CanaryBed, score: Score, log: (line: string) => void) {
  const paid: number[] = [];
  for (const prompt of nullQuestions) {
    const answer = await bed.ask(prompt, false);
    const { contributors } = await score(answer);
    const ppb = contributors.reduce((total, { influencePpb }) => total + influencePpb, 0);
    paid.push(ppb / Number(PPB));
    log(`${(paid.at(-1) ?? 0).toFixed(4)} paid: ${bed.textOf(answer.completionTokens)}`);
  }
  return { ...named('null_paid', estimate(paid)), null_questions: paid.length };
}
