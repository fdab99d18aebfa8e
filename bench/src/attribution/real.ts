import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Engine,
  positiveShares,
  type ScoredAnswer,
  spearman,
  type Trajectory,
  totalVariation,
} from '@openledger/attribution/engine';
import { FolderBlobStore } from '@openledger/blob-store';
import { canonicalJson } from '@openledger/kernel';
import { instructionTokens } from '@openledger/transformer';
import type { Bench } from '../bench.js';
import { seedlingDir } from '../repository.js';
import { byContributor, estimate, greatest, meanOf, named } from './evaluation.js';
import { groundTruth } from './ground-truth.js';
import { influences, trained, vectorsOf } from './influence.js';
import { type RealBed, realBed } from './real-bed.js';
import { storeVersion } from './stored-version.js';

const OTHER_SEED = 1_000;

/** Natural contributors: whose data explains the true answer to a question of one of them. */
export const attributionReal: Bench = {
  name: 'attribution.real',
  summary:
    'five medical institutes of MedQuAD: whose data explains their own answers, against retraining without each',
  async run({ log }) {
    const bed = await realBed();
    const recipe = { ...bed.recipe, seed: bed.recipe.seed + OTHER_SEED };
    const plan = { contributors: 'LEAVE_ONE_OUT' } as const;
    const truth = await groundTruth(bed, plan, log);
    const otherTruth = await groundTruth({ ...bed, recipe }, plan, log);
    const run = await trained(bed);
    const vectors = await vectorsOf(bed, run).finally(() => run.gradients.release());
    await vectors.space.release();
    const sums = influences(vectors).map((row) => byContributor(bed, row));
    log(`${bed.questions.length} questions compared with ${bed.records.length} records`);
    const first = sums.map(firstOf);
    const isOwn = (at: number, q: number): number => (at === bed.queryOwners[q] ? 1 : 0);
    return {
      ...named('top1_institute', estimate(first.map(isOwn))),
      ...named('loo_top1_institute', estimate(truth.contributors.map(firstOf).map(isOwn))),
      chance: 1 / bed.contributors.length,
      ...compared('', sums, truth.contributors),
      // How well truth agrees with itself.
      ...compared('seed_', otherTruth.contributors, truth.contributors),
      ...paidFigures(bed, await payouts(bed, run.trajectory)),
      ...byInstitute(bed, first),
      base_loss: meanOf(truth.base),
      adapter_loss: meanOf(truth.full),
      records: bed.records.length,
      questions: bed.questions.length,
      steps: bed.recipe.schedule.steps,
    };
  },
};

/** Values of each contributor, one row a question, against the true ones. */
function compared(
  prefix: string,
  rows: readonly Float64Array[],
  truth: readonly Float64Array[],
): Record<string, number> {
  const pairs = rows.map((row, q) => ({ row, true: truth[q] ?? new Float64Array(0) }));
  return {
    ...named(
      `${prefix}agreement`,
      estimate(pairs.map((pair) => (firstOf(pair.row) === firstOf(pair.true) ? 1 : 0))),
    ),
    ...named(`${prefix}rank`, estimate(pairs.map((pair) => spearman(pair.row, pair.true)))),
    ...named(
      `${prefix}tv`,
      estimate(pairs.map((pair) => totalVariation(positiveShares(pair.row), positiveShares(pair.true)))),
    ),
  };
}

/** The one of the greatest value. */
const firstOf = (values: Float64Array): number => greatest(values, 1)[0] ?? -1;

/** The service's own scores of the true answers. */
async function payouts(bed: RealBed, trajectory: Trajectory): Promise<ScoredAnswer[]> {
  const dir = await mkdtemp(join(tmpdir(), 'attribution-real-'));
  const blobs = await FolderBlobStore.open(dir);
  const limits = { threads: 1, tokensMax: 2_048, recordsMax: 200_000 };
  const engine = new Engine(blobs, { modelDir: seedlingDir, ...limits });
  try {
    const { version } = await storeVersion(blobs, { ...bed, trajectory });
    const { digest: indexDigest, reliability } = await engine.index(version, () => undefined);
    const scores: ScoredAnswer[] = [];
    for (const [at, question] of bed.questions.entries()) {
      const { tokens, completionStart } = instructionTokens(bed.base, question);
      const answer = {
        promptTokens: [...tokens.subarray(0, completionStart)],
        // Answers are kept without their end token.
        completionTokens: [...tokens.subarray(completionStart, -1)],
        context: [],
      };
      const tokensBlob = await blobs.put(Buffer.from(canonicalJson(answer)));
      const asked = { requestId: `question-${at}`, tokensBlob, version, indexDigest, reliability };
      scores.push(
        await engine.score({ ...asked, parties: new Map(), withdrawn: [], chunkOwners: new Map() }),
      );
    }
    return scores;
  } finally {
    await engine.release();
    await rm(dir, { recursive: true, force: true });
  }
}

/** Of questions for which anybody is paid, how often the own institute is paid most, and its part of the pay. */
function paidFigures(bed: RealBed, scores: readonly ScoredAnswer[]): Record<string, number> {
  const paid = scores.flatMap(({ contributors }, q) => {
    const weights = bed.contributors.map(
      (name) => contributors.find(({ contributorId }) => contributorId === name)?.influencePpb ?? 0,
    );
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const owner = bed.queryOwners[q] ?? -1;
    if (total === 0) return [];
    return [{ isFirst: firstOf(Float64Array.from(weights)) === owner, share: (weights[owner] ?? 0) / total }];
  });
  return {
    paid_questions: paid.length / scores.length,
    paid_top1_institute: meanOf(paid.map(({ isFirst }) => (isFirst ? 1 : 0))),
    paid_own_share: meanOf(paid.map(({ share }) => share)),
    reliability: (scores[0]?.reliability.ppb ?? 0) / 1e9,
  };
}

/** Share of each institute's questions that its own data explains best. */
function byInstitute(
  { contributors, queryOwners }: RealBed,
  first: readonly number[],
): Record<string, number> {
  return Object.fromEntries(
    contributors.map((name, owner) => {
      const own = first.filter((_, q) => queryOwners[q] === owner);
      const right = own.filter((at) => at === owner).length;
      return [`top1_${name.replace('-', '_')}`, right / own.length];
    }),
  );
}
