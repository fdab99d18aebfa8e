import type { ServiceError } from '@grpc/grpc-js';
import {
  AttributionStatus,
  ChallengeOutcome,
  ContributionWithdrawn,
  type ModelDeployed,
  topics,
} from '@openledger/contracts';
import { DomainError, newId } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { eventually } from '@openledger/testing';
import { AttributionCaller } from './attribution-caller.js';
import { deploy, deployment, someAnswer } from './deployed.js';
import { RunningAttribution } from './running-attribution.js';
import { quickReliability, ScriptedEngine, untilAborted } from './scripted-engine.js';

const CHALLENGES_PER_DAY = 3;
let running: RunningAttribution;
let engine: ScriptedEngine;
let grpc: AttributionCaller;
let version: ModelDeployed;

beforeEach(async () => {
  running = await RunningAttribution.prepare('nowhere', {
    ATTRIBUTION_AUDIT_SECONDS: '0',
    ATTRIBUTION_CHALLENGES_PER_DAY: String(CHALLENGES_PER_DAY),
    ATTRIBUTION_REPLAY_WAIT_MS: '300',
  });
  engine = new ScriptedEngine(running.blobs);
  await running.start(engine);
  grpc = new AttributionCaller(running.grpcAddress);
  version = await deploy(running);
}, 60_000);
afterEach(async () => {
  grpc.close();
  await running.dispose();
});

const scoredAnswer = async () => {
  const { requestId } = await running.serve(version, someAnswer());
  await running.scoreOf(requestId);
  return requestId;
};
const refusal = async (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: ServiceError) => error.details,
  );

describe('who reads an attribution', () => {
  it('are the payer and everybody with a stake in the model, by REST and gRPC alike', async () => {
    const requestId = await scoredAnswer();
    for (const person of ['payer', 'ada', 'bo', 'cy']) {
      expect(await running.get(`/attributions/${requestId}`, person)).toMatchObject({ status: 200 });
      const score = await grpc.attribution(requestId, person);
      expect(score).toMatchObject({
        requestId,
        status: AttributionStatus.ATTRIBUTION_STATUS_SCORED,
        reliabilityPpb: quickReliability.ppb,
        pools: { trainingPpb: 650_000_000 },
      });
      expect(score.scoredAt).toBeInstanceOf(Date);
    }
    for (const path of ['', '/explanation'])
      expect(await running.get(`/attributions/${requestId}${path}`, 'mallory')).toMatchObject({
        status: 404,
        body: { code: 'ATTRIBUTION_UNKNOWN' },
      });
    for (const path of ['/replay', '/challenges'])
      expect(
        await running.post(`/attributions/${requestId}${path}`, { reason: 'mine' }, 'mallory'),
      ).toMatchObject({
        status: 404,
        body: { code: 'ATTRIBUTION_UNKNOWN' },
      });
    expect(await running.get(`/attributions/${requestId}`)).toMatchObject({ status: 401 });
    for (const method of [grpc.attribution, grpc.explanation, grpc.replay]) {
      expect(await refusal(method(requestId, 'mallory'))).toMatch(/^ATTRIBUTION_UNKNOWN: /);
      expect(await refusal(method(requestId))).toMatch(/^CREDENTIAL_MISSING: /);
    }
    expect(engine.replays).toHaveLength(0);
  });

  it('shows the payer all texts, and a contributor those of his own data alone', async () => {
    const requestId = await scoredAnswer();
    const explained = async (person: string) =>
      (await running.get(`/attributions/${requestId}/explanation`, person)).body;
    expect(await explained('payer')).toMatchObject({
      requestId,
      text: 'Gull Rock shows two white flashes.',
      spans: [
        { start: 0, end: 9, text: 'Gull Rock', nats: 2.5 },
        { start: 16, end: 19, text: 'two' },
      ],
      records: [
        { recordId: 'record-of-ada', score: 3, prompt: 'What is Gull Rock?', completion: 'A white tower.' },
        { recordId: 'record-of-bo', score: 1, prompt: 'Two pears?' },
      ],
      chunks: [{ recordId: 'record-of-cy', contributorId: 'cy', nats: 1.5, standardError: 0.25 }],
      reasons: [{ code: 'PAID' }, { contributorId: 'bo', code: 'BELOW_NOISE' }, { code: 'PAID' }],
    });
    expect(await explained('bo')).toMatchObject({
      text: '',
      spans: [
        { start: 0, end: 9, text: '' },
        { start: 16, end: 19, text: 'two' },
      ],
      records: [
        { recordId: 'record-of-ada', score: 3, prompt: '', completion: '' },
        { recordId: 'record-of-bo', score: 1, prompt: 'Two pears?', completion: 'In straw.' },
      ],
      reasons: [{ code: 'PAID' }, { contributorId: 'bo', code: 'BELOW_NOISE' }, { code: 'PAID' }],
    });
    expect(JSON.stringify(await explained('cy'))).not.toMatch(/Gull Rock shows|tower|straw|pears/);
    expect(await grpc.explanation(requestId, 'ada')).toMatchObject({
      text: '',
      spans: [{ text: 'Gull Rock', records: [{ recordId: 'record-of-ada' }] }, { text: '' }],
      records: [
        { record: { contributorId: 'ada' }, influence: 3, completion: 'A white tower.' },
        { record: { contributorId: 'bo' }, influence: 1, completion: '' },
      ],
      chunks: [{ record: { contributorId: 'cy' }, nats: 1.5 }],
    });
  });

  it('shows the shares where the evidence is lost, and says so', async () => {
    const requestId = await scoredAnswer();
    const { evidenceBlob } = await grpc.attribution(requestId, 'ada');
    await running.lose(evidenceBlob);
    const { status, body } = await running.get(`/attributions/${requestId}`, 'payer');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      text: '',
      spans: [],
      missing: [`evidence ${evidenceBlob}`],
      status: 'scored',
    });
    expect((await grpc.explanation(requestId, 'bo')).reasons).toMatchObject([
      { contributorId: 'ada', code: 'PAID' },
      { contributorId: 'bo', code: 'ONLY_BASE_SHARE' },
      { contributorId: 'cy', code: 'PAID' },
    ]);
  });

  it('says that an index is stale once a contribution in it was taken back', async () => {
    const requestId = await scoredAnswer();
    const isStale = async () =>
      (await running.get(`/attributions/models/${version.modelId}`)).body as { isStale: boolean };
    expect(await isStale()).toMatchObject({ isStale: false, state: 'ready' });
    const withdraw = (contributionId: string, contributorId: string) =>
      running.append(
        topics.contributionWithdrawn,
        newId(),
        ContributionWithdrawn.create({
          contributionId,
          contributorId,
          datanetId: 'net',
          withdrawnAt: new Date(),
        }),
      );
    await withdraw('contribution-that-trained-nothing', 'bo');
    await withdraw('contribution-of-bo', 'bo');
    await eventually(async () => expect(await isStale()).toMatchObject({ isStale: true }));
    expect(await running.get(`/attributions/${requestId}`, 'payer')).toMatchObject({
      body: { isStale: true },
    });
    await scoredAnswer();
    expect(engine.batches.at(-1)?.[0]?.withdrawn).toEqual([
      'contribution-of-bo',
      'contribution-that-trained-nothing',
    ]);
  });

  it('is anybody for models', async () => {
    await scoredAnswer();
    const model = await grpc.model(version.modelId);
    expect(model).toMatchObject({
      state: 'READY',
      indexDigest: `index-of-${version.adapterDigest}`,
      records: 6,
      reliability: { method: 'LOCAL_STEP', reliabilityPpb: quickReliability.ppb },
      stakes: [{ contributorId: 'ada', basePpb: 500_000_000 }, {}, {}],
    });
    expect(await refusal(grpc.model(newId()))).toMatch(/^MODEL_UNKNOWN: /);
    expect(await refusal(grpc.impact(version.modelId))).toMatch(/^IMPACT_UNKNOWN: /);
  });
});

describe('a replay', () => {
  it('compares the score with its receipt, and is not made twice in a minute', async () => {
    const requestId = await scoredAnswer();
    const [replay, again] = [
      await running.post(`/attributions/${requestId}/replay`, {}, 'bo'),
      await grpc.replay(requestId, 'payer'),
    ];
    expect(replay).toMatchObject({
      status: 200,
      body: { requestId, equal: true, differences: [], missing: [], codeVersion: 'test/1' },
    });
    expect(again).toEqual({ requestId, equal: true, differences: [], missing: [], codeVersion: 'test/1' });
    expect(engine.replays).toHaveLength(1);
    expect(engine.replays[0]?.version.adapterDigest).toBe(version.adapterDigest);
  });

  it('tells who waits too long to come back, and has the outcome then', async () => {
    const requestId = await scoredAnswer();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    engine.beforeScore = () => held;
    const busy = await running.serve(version, someAnswer());
    await eventually(() => expect(engine.batches.at(-1)?.[0]?.requestId).toBe(busy.requestId));
    const path = `/attributions/${requestId}/replay`;
    expect(await running.post(path, {}, 'ada')).toMatchObject({
      status: 503,
      body: { code: 'REPLAY_PENDING' },
    });
    release();
    await eventually(async () => expect(await running.post(path, {}, 'ada')).toMatchObject({ status: 200 }));
    expect(engine.replays).toHaveLength(1);
  });

  it('says which inputs are gone, and why it could not be made', async () => {
    const requestId = await scoredAnswer();
    engine.replayed = { equal: false, missing: ['tokens abc'] };
    expect(await running.post(`/attributions/${requestId}/replay`, {}, 'payer')).toMatchObject({
      body: { equal: false, missing: ['tokens abc'] },
    });
    const other = await scoredAnswer();
    engine.refusals.set(
      `replay ${other}`,
      new DomainError('precondition', 'INDEX_CORRUPT', 'A shard is corrupt.'),
    );
    await eventually(async () =>
      expect(await running.post(`/attributions/${other}/replay`, {}, 'payer')).toMatchObject({
        status: 409,
        body: { code: 'REPLAY_FAILED' },
      }),
    );
  });

  it('lets one person have four waiting', async () => {
    const requests = [];
    for (let i = 0; i < 5; i++) requests.push(await scoredAnswer());
    engine.beforeScore = untilAborted;
    const stuck = await running.serve(version, someAnswer());
    await eventually(() => expect(engine.batches.at(-1)?.[0]?.requestId).toBe(stuck.requestId));
    const ask = (requestId: string, person: string) =>
      running.post(`/attributions/${requestId}/replay`, {}, person);
    const [fifth = ''] = requests.splice(4);
    const first = await Promise.all(requests.map((requestId) => ask(requestId, 'ada')));
    for (const { status } of first) expect(status).toBe(503);
    expect(await ask(fifth, 'ada')).toMatchObject({ status: 429, body: { code: 'REPLAYS_TOO_MANY' } });
    expect(await ask(fifth, 'bo')).toMatchObject({ status: 503, body: { code: 'REPLAY_PENDING' } });
  });

  it('of an answer that is not scored yet has nothing to compute', async () => {
    const { requestId } = await running.serve(deployment(), someAnswer());
    await eventually(async () =>
      expect(await running.post(`/attributions/${requestId}/replay`, {}, 'payer')).toMatchObject({
        status: 404,
        body: { code: 'ATTRIBUTION_PENDING' },
      }),
    );
  });
});

describe('a challenge', () => {
  const challenge = (requestId: string, person: string, reason = 'I wrote that.') =>
    running.post(`/attributions/${requestId}/challenges`, { reason }, person);
  const decided = (challengeId: string) =>
    eventually(() => {
      const found = running.challenged.find((event) => event.challengeId === challengeId);
      if (!found) throw new Error(`${challengeId} is not decided yet`);
      return found;
    });

  it('is dismissed where the score comes out the same, told to all, and stands once for a person', async () => {
    const requestId = await scoredAnswer();
    const { status, body } = await challenge(requestId, 'bo');
    expect(status).toBe(202);
    const { challengeId } = body as { challengeId: string };
    expect(await decided(challengeId)).toMatchObject({
      requestId,
      challengerId: 'bo',
      outcome: ChallengeOutcome.CHALLENGE_OUTCOME_DISMISSED,
      finding: 'Computed again by test/1: every integer is the same.',
      corrected: undefined,
    });
    const repeated = await challenge(requestId, 'bo', 'Once more.');
    expect(repeated.body).toMatchObject({ challengeId, reason: 'I wrote that.', outcome: 'dismissed' });
    expect(await running.get(`/attributions/challenges/${challengeId}`, 'payer')).toMatchObject({
      status: 200,
      body: { challengeId, requestId, outcome: 'dismissed' },
    });
    expect(await running.get(`/attributions/challenges/${challengeId}`, 'mallory')).toMatchObject({
      status: 404,
    });
    expect(await running.get(`/attributions/challenges/${newId()}`, 'bo')).toMatchObject({
      status: 404,
      body: { code: 'CHALLENGE_UNKNOWN' },
    });
    expect(running.challenged).toHaveLength(1);
  });

  it('that is upheld puts the right score in the place of the wrong one, and keeps that', async () => {
    const requestId = await scoredAnswer();
    const before = await grpc.attribution(requestId, 'bo');
    const database = await Database.open({ url: running.databaseUrl, schema: 'attribution', migrations: [] });
    try {
      const [row] = await database.query<{ result: object }>(
        'SELECT result FROM request WHERE request_id = $1',
        [requestId],
      );
      const corrected = { ...row?.result, baseModelPpb: 200_000_000, reservePpb: 100_000_000 };
      const differences = ['result.reservePpb: 50000000 is not 100000000'];
      engine.replayed = { equal: false, differences, score: corrected as never };
      const opened = await grpc.openChallenge(requestId, 'Too little is kept.', 'bo');
      expect(opened.outcome).toBe(ChallengeOutcome.CHALLENGE_OUTCOME_UNSPECIFIED);
      const event = await decided(opened.challengeId);
      expect(event).toMatchObject({
        outcome: ChallengeOutcome.CHALLENGE_OUTCOME_UPHELD,
        corrected: { requestId, baseModelPpb: 200_000_000, reservePpb: 100_000_000 },
      });
      expect(event.finding).toContain('result.reservePpb');
      expect(await grpc.attribution(requestId, 'bo')).toMatchObject({
        baseModelPpb: 200_000_000,
      });
      expect(await grpc.challenge(opened.challengeId, 'payer')).toMatchObject({
        outcome: ChallengeOutcome.CHALLENGE_OUTCOME_UPHELD,
      });
      const kept = await database.query<{ result: { baseModelPpb: number } }>(
        'SELECT * FROM superseded_score',
      );
      expect(kept).toMatchObject([
        {
          request_id: requestId,
          challenge_id: opened.challengeId,
          result: { baseModelPpb: before.baseModelPpb },
        },
      ]);
      expect(running.scored).toHaveLength(1);
    } finally {
      await database.close();
    }
  });

  it('is undecidable where an input is gone, or the arithmetic refuses each time', async () => {
    const [gone, refused] = [await scoredAnswer(), await scoredAnswer()];
    engine.refusals.set(
      `replay ${refused}`,
      new DomainError('precondition', 'INDEX_CORRUPT', 'A shard is corrupt.'),
    );
    engine.replayed = { equal: false, missing: ['tokens abc'] };
    const outcome = ChallengeOutcome.CHALLENGE_OUTCOME_UNDECIDABLE;
    for (const [requestId, finding] of [
      [gone, 'tokens abc'],
      [refused, 'INDEX_CORRUPT'],
    ] as const) {
      const { challengeId } = (await challenge(requestId, 'ada')).body as { challengeId: string };
      const event = await decided(challengeId);
      expect(event).toMatchObject({ requestId, outcome });
      expect(event.finding).toContain(finding);
    }
  });

  it('has what could not be attributed tried again', async () => {
    const answer = await running.served(version, someAnswer());
    const { requestId } = answer.event;
    engine.refusals.set(requestId, new DomainError('precondition', 'ZERO_GRADIENT', 'No gradient.'));
    await running.announce(answer);
    await running.scoreOf(requestId);
    const same = (await challenge(requestId, 'payer')).body as { challengeId: string };
    expect(await decided(same.challengeId)).toMatchObject({
      outcome: ChallengeOutcome.CHALLENGE_OUTCOME_DISMISSED,
    });
    engine.refusals.delete(requestId);
    const better = (await challenge(requestId, 'ada')).body as { challengeId: string };
    expect(await decided(better.challengeId)).toMatchObject({
      outcome: ChallengeOutcome.CHALLENGE_OUTCOME_UPHELD,
      corrected: { status: AttributionStatus.ATTRIBUTION_STATUS_SCORED },
    });
    expect(await running.get(`/attributions/${requestId}`, 'bo')).toMatchObject({
      body: { status: 'scored' },
    });
  });

  it('needs a reason, and may be raised so many times a day', async () => {
    const requests = [];
    for (let i = 0; i <= CHALLENGES_PER_DAY; i++) requests.push(await scoredAnswer());
    const [first = '', ...others] = requests;
    for (const reason of ['', '   ', 'x'.repeat(2_001)])
      expect(await challenge(first, 'ada', reason)).toMatchObject({
        status: 400,
        body: { code: 'REQUEST_INVALID' },
      });
    const opened = await Promise.all(requests.map((requestId) => challenge(requestId, 'ada')));
    expect(opened.map(({ status }) => status).sort()).toEqual([202, 202, 202, 429]);
    expect(opened.find(({ status }) => status === 429)?.body).toMatchObject({ code: 'CHALLENGES_TOO_MANY' });
    expect(await challenge(others.at(-1) ?? '', 'bo')).toMatchObject({ status: 202 });
    expect(await running.post('/attributions/nothing/challenges', {}, 'ada')).toMatchObject({ status: 400 });
  });
});
