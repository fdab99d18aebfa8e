import { type AttributionScored, AttributionStatus, topics } from '@openledger/contracts';
import { DomainError, newId, sha256 } from '@openledger/kernel';
import { eventually } from '@openledger/testing';
import { deploy, deployment, someAnswer } from './deployed.js';
import { RunningAttribution } from './running-attribution.js';
import {
  auditedReliability,
  quickReliability,
  ScriptedEngine,
  stakes,
  untilAborted,
} from './scripted-engine.js';

const WHOLE = 1_000_000_000;
/** Long against what a busy machine takes to hear of a model. */
const MODEL_WAIT_MS = 3_000;
const unattributable = (reason: string) => ({
  status: AttributionStatus.ATTRIBUTION_STATUS_UNATTRIBUTABLE,
  reason,
  contributors: [],
  baseModelPpb: 0,
  reservePpb: WHOLE,
});
const refusal = (code: string) => new DomainError('precondition', code, `Refused with ${code}.`);

let running: RunningAttribution;
let engine: ScriptedEngine;

const start = async (settings: Readonly<Record<string, string>> = {}) => {
  running = await RunningAttribution.prepare('nowhere', settings);
  engine = new ScriptedEngine(running.blobs);
  await running.start(engine);
};
beforeEach(() => start(), 60_000);
afterEach(() => running.dispose());

const publishedFor = (requestId: string) =>
  running.scored.filter((event: AttributionScored) => event.requestId === requestId);
const modelOf = async (modelId: string) => (await running.get(`/attributions/models/${modelId}`)).body;

describe('what becomes of an answer', () => {
  it('is scored with the reliability, pools and index of its version', async () => {
    const version = await deploy(running);
    const { requestId } = await running.serve(version, someAnswer());
    const score = await running.scoreOf(requestId);
    expect(score).toMatchObject({
      status: AttributionStatus.ATTRIBUTION_STATUS_SCORED,
      reason: '',
      indexDigest: `index-of-${version.adapterDigest}`,
      indexRoot: `root-of-${version.adapterDigest}`,
      codeVersion: 'test/1',
      pools: { baseModelPpb: 250_000_000, trainingPpb: 650_000_000, contextPpb: 100_000_000 },
    });
    const shares = score.contributors.flatMap((share) => [share.influencePpb, share.contextPpb]);
    expect(shares.reduce((sum, share) => sum + share, score.baseModelPpb + score.reservePpb)).toBe(WHOLE);
  });

  it.each(['NO_INDEX', 'UNKNOWN_ORIGIN', 'INDEX_DIFFERS', 'EMPTY_ANSWER', 'ZERO_GRADIENT', 'NOT_FINITE'])(
    'is given up at once where no second attempt could help: %s',
    async (code) => {
      const version = await deploy(running);
      const answer = await running.served(version, someAnswer());
      engine.refusals.set(answer.event.requestId, refusal(code));
      await running.announce(answer);
      expect(await running.scoreOf(answer.event.requestId)).toMatchObject(unattributable(code));
      expect(engine.batches).toHaveLength(1);
    },
  );

  it('is tried five times where it may help, then given to the reserve with the code', async () => {
    const version = await deploy(running);
    const [refused, broken] = [
      await running.served(version, someAnswer()),
      await running.served(version, someAnswer()),
    ];
    engine.refusals.set(refused.event.requestId, refusal('BLOB_CORRUPT'));
    engine.refusals.set(broken.event.requestId, new TypeError('a mistake of ours'));
    await running.announce(refused);
    await running.announce(broken);
    expect(await running.scoreOf(refused.event.requestId)).toMatchObject(unattributable('BLOB_CORRUPT'));
    expect(await running.scoreOf(broken.event.requestId)).toMatchObject(unattributable('INTERNAL'));
    const tries = engine.batches.flat().filter(({ requestId }) => requestId === broken.event.requestId);
    expect(tries).toHaveLength(5);
  });

  it('is scored although another of its batch cannot be, up to sixteen at a time', async () => {
    const version = deployment();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => running.served(version, someAnswer())),
    );
    const [bad] = answers;
    engine.refusals.set(bad?.event.requestId ?? '', refusal('ZERO_GRADIENT'));
    for (const answer of answers) await running.announce(answer);
    await eventually(async () => {
      for (const { event } of answers)
        expect(await running.get(`/attributions/${event.requestId}`, 'payer')).toMatchObject({
          body: { code: 'ATTRIBUTION_PENDING' },
        });
    });
    await deploy(running, version);
    for (const { event } of answers.slice(1)) {
      const score = await running.scoreOf(event.requestId);
      expect(score.status).toBe(AttributionStatus.ATTRIBUTION_STATUS_SCORED);
    }
    expect(await running.scoreOf(bad?.event.requestId ?? '')).toMatchObject(unattributable('ZERO_GRADIENT'));
    expect(engine.batches.map(({ length }) => length)).toEqual([16, 4]);
  });

  it('is not waited for where its version was given up, and reads as lost', async () => {
    const version = deployment();
    const first = await running.serve(version, someAnswer());
    engine.refusals.set(version.adapterDigest, refusal('LINEAGE_TOO_LARGE'));
    await deploy(running, version);
    expect(await running.scoreOf(first.requestId)).toMatchObject(unattributable('INDEX_FAILED'));
    const later = await running.serve(version, someAnswer());
    expect(await running.scoreOf(later.requestId)).toMatchObject(unattributable('INDEX_FAILED'));
    expect(await modelOf(version.modelId)).toMatchObject({
      state: 'failed',
      reason: 'LINEAGE_TOO_LARGE: Refused with LINEAGE_TOO_LARGE.',
    });
    expect(engine.indexed).toHaveLength(5);
    expect(engine.batches).toHaveLength(0);
  });

  it('waits for its model for a while, counted from when it came here, and then no more', async () => {
    await running.dispose();
    await start({ ATTRIBUTION_MODEL_WAIT_MS: String(MODEL_WAIT_MS) });
    const [never, late] = [deployment(), deployment()];
    const unknown = await running.serve(never, someAnswer());
    const known = await running.serve(late, someAnswer());
    await deploy(running, late);
    await running.scoreOf(known.requestId);
    expect(await running.get(`/attributions/${unknown.requestId}`, 'payer')).toMatchObject({
      status: 404,
      body: { code: 'ATTRIBUTION_PENDING' },
    });
    expect(await running.scoreOf(unknown.requestId)).toMatchObject(unattributable('MODEL_UNKNOWN'));
    await deploy(running, never);
    await eventually(async () => expect(await modelOf(never.modelId)).toMatchObject({ state: 'ready' }));
    expect(publishedFor(unknown.requestId)).toHaveLength(1);
  });
});

describe('what the service lives through', () => {
  it('catches up with what was said while it was down, in whatever order', async () => {
    await running.stop();
    const version = deployment();
    const requests: string[] = [];
    for (let i = 0; i < 40; i++) requests.push((await running.serve(version, someAnswer())).requestId);
    await deploy(running, version);
    await running.start(engine);
    for (const requestId of requests) {
      const { status } = await running.scoreOf(requestId);
      expect(status).toBe(AttributionStatus.ATTRIBUTION_STATUS_SCORED);
    }
    expect(running.scored).toHaveLength(requests.length);
  }, 60_000);

  it('begins again what a stop cut short, without counting the attempt, and publishes once', async () => {
    const version = await deploy(running);
    let begun = 0;
    engine.beforeScore = (signal) => {
      begun += 1;
      return untilAborted(signal);
    };
    const { requestId, eventId, event } = await running.serve(version, someAnswer());
    for (let restart = 1; restart <= 6; restart++) {
      await eventually(() => expect(begun).toBe(restart));
      await running.stop();
      await running.start(engine);
    }
    await eventually(() => expect(begun).toBe(7));
    await running.stop();
    engine.beforeScore = async () => {};
    await running.start(engine);
    const score = await running.scoreOf(requestId);
    expect(score.status).toBe(AttributionStatus.ATTRIBUTION_STATUS_SCORED);
    await running.append(topics.inferenceServed, eventId, event);
    await running.append(topics.inferenceServed, newId(), event);
    await deploy(running, version);
    const after = await running.serve(version, someAnswer());
    await running.scoreOf(after.requestId);
    expect(publishedFor(requestId)).toHaveLength(1);
  }, 60_000);

  it('takes an answer that a process died of alone, and gives it up in the end', async () => {
    const version = deployment();
    const lethal = await running.served(version, someAnswer());
    engine.beforeScore = async () => {
      const batch = engine.batches.at(-1) ?? [];
      if (batch.some(({ requestId }) => requestId === lethal.event.requestId))
        throw new Error('the thread ended');
    };
    const others = await Promise.all(Array.from({ length: 3 }, () => running.serve(version, someAnswer())));
    await running.announce(lethal);
    await eventually(async () => {
      const { body } = await running.get(`/attributions/${lethal.event.requestId}`, 'payer');
      expect(body).toMatchObject({ code: 'ATTRIBUTION_PENDING' });
    });
    await deploy(running, version);
    for (const { requestId } of others) {
      const { status } = await running.scoreOf(requestId);
      expect(status).toBe(AttributionStatus.ATTRIBUTION_STATUS_SCORED);
    }
    expect(await running.scoreOf(lethal.event.requestId)).toMatchObject(unattributable('INTERNAL'));
  }, 60_000);
});

describe('an audit', () => {
  it('keeps nobody waiting, is published, and is what later scores carry', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    engine.beforeAudit = () => held;
    const version = await deploy(running);
    await eventually(() => expect(engine.audits).toHaveLength(1));
    const early = await running.serve(version, someAnswer());
    expect((await running.scoreOf(early.requestId)).reliabilityPpb).toBe(quickReliability.ppb);
    expect(await modelOf(version.modelId)).toMatchObject({
      state: 'ready',
      reliabilityPpb: quickReliability.ppb,
      reliability: { method: 'LOCAL_STEP', isAuditAwaited: true },
    });
    expect(await running.get(`/attributions/models/${version.modelId}/impact`)).toMatchObject({
      status: 404,
      body: { code: 'IMPACT_PENDING' },
    });
    release();
    const audited = await eventually(() => {
      expect(running.audited).toHaveLength(1);
      return running.audited[0];
    });
    expect(audited).toMatchObject({
      modelId: version.modelId,
      adapterDigest: version.adapterDigest,
      reliabilityPpb: auditedReliability.ppb,
      reliabilityLowPpb: auditedReliability.lowPpb,
      reliabilityHighPpb: auditedReliability.highPpb,
      method: 'LEAVE_ONE_OUT',
    });
    expect(engine.audits).toMatchObject([{ secondsMax: 300 }]);
    const late = await running.serve(version, someAnswer());
    expect(await running.scoreOf(late.requestId)).toMatchObject({
      reliabilityPpb: auditedReliability.ppb,
      reliabilityLowPpb: auditedReliability.lowPpb,
      reliabilityHighPpb: auditedReliability.highPpb,
    });
    expect(await modelOf(version.modelId)).toMatchObject({
      reliabilityPpb: auditedReliability.ppb,
      reliability: { method: 'LEAVE_ONE_OUT', isAuditAwaited: false },
      contributors: stakes,
    });
  }, 60_000);

  it('that a stop cuts short is begun again', async () => {
    engine.beforeAudit = untilAborted;
    await deploy(running);
    for (let begun = 1; begun <= 6; begun++) {
      await eventually(() => expect(engine.audits).toHaveLength(begun));
      await running.stop();
      if (begun === 6) engine.beforeAudit = async () => {};
      await running.start(engine);
    }
    await eventually(() => expect(running.audited).toHaveLength(1));
  }, 60_000);

  it('that fails leaves the quick one standing, and the impact unknown', async () => {
    const version = deployment();
    engine.refusals.set(`audit ${version.adapterDigest}`, refusal('AUDIT_NOT_FINITE'));
    await deploy(running, version);
    await eventually(async () => {
      expect(engine.audits).toHaveLength(5);
      expect(await running.get(`/attributions/models/${version.modelId}/impact`)).toMatchObject({
        status: 404,
        body: { code: 'IMPACT_UNKNOWN' },
      });
    });
    expect(await modelOf(version.modelId)).toMatchObject({ reliabilityPpb: quickReliability.ppb });
    expect(running.audited).toHaveLength(0);
  });

  it('shows the impact of a model and the trend over its versions', async () => {
    const old = await deploy(running, deployment(newId(), new Date('2026-01-01T00:00:00Z')));
    await eventually(() => expect(running.audited).toHaveLength(1));
    const current = await deploy(running, deployment(old.modelId, new Date('2026-02-01T00:00:00Z')));
    await eventually(() => expect(running.audited).toHaveLength(2));
    const { status, body } = await running.get(`/attributions/models/${old.modelId}/impact`);
    expect(status).toBe(200);
    expect(body).toEqual({
      modelId: old.modelId,
      adapterDigest: current.adapterDigest,
      baseLoss: 3,
      adapterLoss: 2,
      contributors: [{ contributorId: 'ada', lossChange: 0.5, standardError: 0.1, method: 'LEAVE_ONE_OUT' }],
      versions: [
        {
          adapterDigest: old.adapterDigest,
          baseLoss: 3,
          adapterLoss: 2,
          deployedAt: '2026-01-01T00:00:00.000Z',
        },
      ],
    });
    expect(await running.get(`/attributions/models/${newId()}/impact`)).toMatchObject({
      status: 404,
      body: { code: 'MODEL_UNKNOWN' },
    });
    expect(await running.get(`/attributions/models/${sha256('none')}`)).toMatchObject({ status: 404 });
  }, 60_000);
});
