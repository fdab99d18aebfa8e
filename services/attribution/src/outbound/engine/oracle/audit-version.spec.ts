import { seededRandom } from '@openledger/transformer';
import { tinyTask } from '../../../../test/tiny-task.js';
import { type AuditedVersion, auditVersion, type VersionAudit } from './audit-version.js';
import { openTrainedRun } from './trained-run.js';

const options = { threads: 1 };
const task = tinyTask(3, 8, 12);
const training = { base: task.base, recipe: task.recipe, examples: task.examples, options };
let point: AuditedVersion['point'];

beforeAll(async () => {
  const { run } = await openTrainedRun(training);
  point = await run.train();
  await run.release();
});

function audit(version: Partial<AuditedVersion>, secondsMax: number): Promise<VersionAudit> {
  const { owners, queries } = task;
  const stakes = owners.map(() => 6);
  const blind = { predict: () => 1, heldOut: true, stakes, owners, queries, point, training };
  return auditVersion({ ...blind, ...version }, { secondsMax, random: seededRandom(1) });
}

describe('auditVersion', () => {
  it('trusts predictions that are the truth, and none that say nothing', async () => {
    const blind = await audit({}, 60);
    expect(blind.method).toBe('SHAPLEY');
    expect(blind.reliability).toMatchObject({ reliabilityPpb: 0, lowPpb: 0 });
    const { measured, groups } = blind;
    const truth = (members: readonly number[], query: number) =>
      measured[query]?.[groups.findIndex(([first]) => first === members[0])] ?? 0;
    const told = await audit({ predict: truth }, 60);
    expect(told.measured).toEqual(measured);
    expect(told.reliability.reliabilityPpb).toBe(1_000_000_000);
    expect(told.reliability.misdirected.byInfluence).toBeCloseTo(0, 9);
    expect(told.reliability.misdirected.byBase).toBeGreaterThan(0.05);
  });

  it('says what each contributor took off the loss, all that the training took off together', async () => {
    const { impact } = await audit({}, 60);
    const changes = impact?.contributors.map(({ lossChange }) => lossChange) ?? [];
    expect(impact?.contributors.map(({ contributorId, method }) => [contributorId, method])).toEqual(
      [0, 1, 2].map((i) => [`contributor-${i}`, 'SHAPLEY']),
    );
    const fall = (impact?.baseLoss ?? 0) - (impact?.adapterLoss ?? 0);
    expect(changes.reduce((sum, change) => sum + change, 0)).toBeCloseTo(fall, 6);
    expect(fall).toBeGreaterThan(0.05);
    expect(impact?.contributors.every(({ standardError }) => standardError > 0)).toBe(true);
  });

  it('leaves more contributors than can be enumerated out one at a time', async () => {
    const owners = task.owners.map((_, i) => `owner-${i >> 1}`);
    let retrained = 0;
    const quick = await auditVersion(
      { ...blindWith(owners), predict: () => 1 },
      { secondsMax: 60, random: seededRandom(1), onProgress: () => (retrained += 1) },
    );
    expect(quick.method).toBe('LEAVE_ONE_OUT');
    expect(quick.groups).toHaveLength(new Set(owners).size);
    expect(retrained).toBe(new Set(owners).size + 1);
  });

  it('takes a step back where the training is too long, or is another one', async () => {
    const short = await audit({}, 0);
    expect(short.method).toBe('LOCAL_STEP');
    expect(short.measured.flat().every(Number.isFinite)).toBe(true);
    expect(short.impact?.contributors.every(({ method }) => method === 'EXPECTED')).toBe(true);
    const other = { ...training, recipe: { ...task.recipe, seed: 99 } };
    expect((await audit({ training: other }, 60)).method).toBe('LOCAL_STEP');
  });

  it('cuts the records of a lone contributor into halves', async () => {
    const { groups, method, baseShares } = await audit({ owners: task.owners.map(() => 'one') }, 60);
    expect(method).toBe('LEAVE_ONE_OUT');
    expect(groups.map(({ length }) => length)).toEqual(new Array(8).fill(12));
    expect(baseShares).toEqual(new Array(8).fill(1 / 8));
  });

  it('keeps impact to itself where nothing was held out, and stops when it is called off', async () => {
    expect((await audit({ heldOut: false }, 0)).impact).toBeUndefined();
    const signal = AbortSignal.abort(new Error('enough'));
    const version = { ...blindWith(task.owners), predict: () => 1 };
    await expect(auditVersion(version, { secondsMax: 60, random: Math.random, signal })).rejects.toThrow(
      'enough',
    );
  });
});

function blindWith(owners: readonly string[]) {
  return { owners, stakes: owners.map(() => 6), queries: task.queries, heldOut: false, point, training };
}
