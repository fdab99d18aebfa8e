import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AttributionStatus, ChallengeOutcome, topics } from '@openledger/contracts';
import { newId } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { eventually } from '@openledger/testing';
import { writeTinyModel } from '@openledger/testing/tiny-model';
import { factRecords } from './facts.js';
import { RunningAttribution } from './running-attribution.js';
import { TrainedVersion } from './trained-version.js';

let dir: string;
let running: RunningAttribution;
let version: TrainedVersion;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'replay-'));
  await writeTinyModel(dir);
  running = await RunningAttribution.prepare(dir, {
    ATTRIBUTION_AUDIT_SECONDS: '1',
    ATTRIBUTION_REPLAY_WAIT_MS: '60000',
  });
  const plan = { modelDir: dir, epochs: 8, batchRows: 6, learningRate: 0.01 };
  version = await TrainedVersion.train(running.blobs, factRecords, plan);
  await running.start();
  await running.append(topics.modelDeployed, newId(), version.event);
}, 120_000);
afterAll(async () => {
  await version?.release();
  await running?.dispose();
  await rm(dir, { recursive: true });
});

/** Scored, about something that a record says. */
const scored = async (at: number) => {
  const { promptTokens } = await version.ask(factRecords[at]?.prompt ?? '', 1);
  const completionTokens = [7 + at, 11, 13, 17];
  const served = await running.serve(version.event, { promptTokens, completionTokens });
  const score = await running.scoreOf(served.requestId);
  expect(score.status).toBe(AttributionStatus.ATTRIBUTION_STATUS_SCORED);
  return { ...served, score };
};
const decided = async (requestId: string) => {
  const { status, body } = await running.post(
    `/attributions/${requestId}/challenges`,
    { reason: 'Is it so?' },
    'ada',
  );
  expect(status).toBe(202);
  const { challengeId } = body as { challengeId: string };
  return eventually(() => {
    const found = running.challenged.find((event) => event.challengeId === challengeId);
    if (!found) throw new Error('not decided yet');
    return found;
  }, 60_000);
};

describe('a score of the engine itself', () => {
  it('comes out the same to the bit when it is computed again, also after a restart', async () => {
    const { requestId } = await scored(0);
    await running.stop();
    await running.start();
    const replay = await running.post(`/attributions/${requestId}/replay`, {}, 'bo');
    expect(replay).toMatchObject({ status: 200, body: { equal: true, differences: [], missing: [] } });
    expect((await decided(requestId)).outcome).toBe(ChallengeOutcome.CHALLENGE_OUTCOME_DISMISSED);
  }, 120_000);

  it('is put right where other shares were published than it gives', async () => {
    const { requestId, score } = await scored(1);
    const database = await Database.open({ url: running.databaseUrl, schema: 'attribution', migrations: [] });
    try {
      await database.query(
        `UPDATE request SET result = jsonb_set(jsonb_set(result, '{baseModelPpb}', '0'), '{reservePpb}', $2::jsonb)
         WHERE request_id = $1`,
        [requestId, String(score.baseModelPpb + score.reservePpb)],
      );
    } finally {
      await database.close();
    }
    const { outcome, finding, corrected } = await decided(requestId);
    expect(outcome).toBe(ChallengeOutcome.CHALLENGE_OUTCOME_UPHELD);
    expect(finding).toContain('result.baseModelPpb');
    expect(corrected).toMatchObject({
      baseModelPpb: score.baseModelPpb,
      reservePpb: score.reservePpb,
      contributors: score.contributors,
    });
  }, 120_000);

  it('cannot be computed again without its tokens, and says that it is these', async () => {
    const { requestId, event } = await scored(2);
    const { tokensBlob } = event;
    await running.lose(tokensBlob);
    const { body } = await running.post(`/attributions/${requestId}/replay`, {}, 'payer');
    expect(body).toMatchObject({ equal: false, missing: [`tokens ${tokensBlob}`] });
    const { outcome, finding } = await decided(requestId);
    expect(outcome).toBe(ChallengeOutcome.CHALLENGE_OUTCOME_UNDECIDABLE);
    expect(finding).toContain(tokensBlob);
  }, 120_000);

  it('carries the reliability of the audit once there is one', async () => {
    const audited = await eventually(() => {
      expect(running.audited).toHaveLength(1);
      return running.audited[0];
    }, 60_000);
    const { reliabilityPpb = -1, reliabilityLowPpb = 0, reliabilityHighPpb = 0 } = audited ?? {};
    expect(reliabilityPpb).toBeGreaterThanOrEqual(reliabilityLowPpb);
    expect(reliabilityPpb).toBeLessThanOrEqual(reliabilityHighPpb);
    expect(await running.blobs.has(audited?.auditBlob ?? '')).toBe(true);
    const { score } = await scored(3);
    expect(score).toMatchObject({ reliabilityPpb, reliabilityLowPpb, reliabilityHighPpb });
  }, 120_000);
});
