import { DomainError } from '@openledger/kernel';
import { seededRandom } from '@openledger/transformer';
import { auditGroups, auditQueries } from '../../domain/audit.js';
import { CountSketch } from '../../domain/count-sketch.js';
import { decoysOf, type TokenExample } from '../../domain/decoys.js';
import { stakesOf } from '../../domain/lineage.js';
import { addTo, dot, norm, scaledTo } from '../../domain/vectors.js';
import type { VersionIndex } from './version-index.js';
import type { VersionModel } from './version-model.js';

export const SKETCH_SIZE = 1024;
export const SEED = 20_261_120;
const DECOYS = 24;
const AUDIT_GROUPS_MAX = 8;
const AUDIT_QUERIES_MAX = 12;
/** Length of an audit's step relative to the parameters: large against rounding, small against curvature. */
const AUDIT_STEP = 0.02;
/** Their base shares travel in every score, and a record on the log stays under 256 KB. */
const CONTRIBUTORS_MAX = 1_000;

/** Predicted and measured changes of losses, pair by pair. */
export interface Audit {
  readonly predicted: readonly number[];
  readonly measured: readonly number[];
}

/** Differentiates every record once. The result depends on the version alone. */
export async function buildIndex(
  model: VersionModel,
  onProgress: (record: number, records: number) => void,
): Promise<{ readonly index: VersionIndex; readonly audit: Audit }> {
  const { records, metric } = model;
  const contributors = stakesOf(records).map(({ contributorId }) => contributorId);
  if (contributors.length > CONTRIBUTORS_MAX) {
    const message = `The model has ${contributors.length} contributors; attribution takes ${CONTRIBUTORS_MAX} at most.`;
    throw new DomainError('too-large', 'TOO_MANY_CONTRIBUTORS', message);
  }
  const random = seededRandom(SEED);
  const owners = records.map(({ contributorId }) => contributorId);
  const groups = auditGroups(owners, AUDIT_GROUPS_MAX, random).map((members) => new Set(members));
  const zero = () => new Float32Array(metric.size);
  const sums = new Map(contributors.map((id) => [id, zero()]));
  const groupSums = groups.map(zero);
  const sketch = new CountSketch(SKETCH_SIZE, SEED);
  const sketches: Float32Array[] = [];
  const examples = records.map((record) => model.tokensOf(record));
  let squares = 0;
  for (const [i, example] of examples.entries()) {
    const z = await model.gradient(example);
    addTo(sums.get(owners[i] ?? '') ?? zero(), z);
    for (const [g, group] of groups.entries()) if (group.has(i)) addTo(groupSums[g] ?? zero(), z);
    sketches.push(sketch.of(z));
    squares += dot(z, z);
    onProgress(i + 1, records.length);
  }
  const decoys = await decoyVectors(model, examples, Math.sqrt(squares / records.length), random);
  const queries = auditQueries(owners, AUDIT_QUERIES_MAX, random).flatMap((i) => examples[i] ?? []);
  return {
    index: { sums: [...sums.values()], sketches, decoys },
    audit: await audit(model, groupSums, queries),
  };
}

/**
 * Nonsense is far more surprising than data that was learnt, so its gradients are far longer; what chance
 * gives a record is the direction of nonsense at the length of a record.
 */
async function decoyVectors(
  model: VersionModel,
  examples: readonly TokenExample[],
  length: number,
  random: () => number,
): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (const { tokens, completionStart } of decoysOf(examples, DECOYS, random)) {
    const bounded = { tokens: Array.from(tokens).slice(0, model.tokensMax), completionStart };
    vectors.push(scaledTo(await model.gradient(bounded), length));
  }
  return vectors;
}

/**
 * Takes back a small step of training on each group, θ + η D Σg, and compares what that does to the loss of
 * each query with what the scores say it does, η z_q · Σz.
 */
async function audit(
  model: VersionModel,
  groupSums: readonly Float32Array[],
  queries: readonly TokenExample[],
): Promise<Audit> {
  const { metric, learning } = model;
  const stepLength = AUDIT_STEP * norm(metric.flatten(learning));
  const vectors: Float32Array[] = [];
  const losses: number[] = [];
  for (const query of queries) {
    vectors.push(await model.gradient(query));
    losses.push(await model.loss(query));
  }
  const predicted: number[] = [];
  const measured: number[] = [];
  for (const sum of groupSums) {
    const whole = metric.toStep(sum);
    const length = norm(whole);
    if (length === 0) continue;
    const scale = stepLength / length;
    const step = whole.map((value) => value * scale);
    for (const [q, query] of queries.entries()) {
      predicted.push(scale * dot(vectors[q] ?? new Float32Array(0), sum));
      measured.push((await model.loss(query, step)) - (losses[q] ?? 0));
    }
  }
  return { predicted, measured };
}
