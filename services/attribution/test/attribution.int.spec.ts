import { join } from 'node:path';
import { type AttributionScored, AttributionStatus, PartyChanged, topics } from '@openledger/contracts';
import { newId, sha256 } from '@openledger/kernel';
import { eventually } from '@openledger/testing';
import { factRecords } from './facts.js';
import { RunningAttribution } from './running-attribution.js';
import { TrainedVersion } from './trained-version.js';

const WHOLE = 1_000_000_000;
const UNATTRIBUTABLE = {
  status: AttributionStatus.ATTRIBUTION_STATUS_UNATTRIBUTABLE,
  contributors: [],
  baseModelPpb: 0,
  reservePpb: WHOLE,
  reliabilityPpb: 0,
};
const influenceOf = (score: AttributionScored, contributorId: string) =>
  score.contributors.find((share) => share.contributorId === contributorId)?.influencePpb ?? 0;

/** The repository's own small model: a random one has nothing that an adapter could build on. */
const modelDir = join(import.meta.dirname, '..', '..', '..', '..', 'models', 'seedling');
let running: RunningAttribution;
let version: TrainedVersion;
const questions = { ada: 'What is Gull Rock?', bo: 'How do I store pears?' } as const;

beforeAll(async () => {
  running = await RunningAttribution.prepare(modelDir, { ATTRIBUTION_AUDIT_SECONDS: '0' });
  const plan = { modelDir, epochs: 30, batchRows: 6, learningRate: 0.004 };
  version = await TrainedVersion.train(running.blobs, factRecords, plan);
  await running.start();
}, 120_000);

afterAll(async () => {
  await version?.release();
  await running?.dispose();
});

describe('attribution', () => {
  it('keeps answers of a model that it does not know yet, and builds the index across a restart', async () => {
    const answer = await version.ask(questions.ada);
    const { requestId } = await running.serve(version.event, answer);
    const pending = await eventually(async () => {
      const response = await running.get(`/attributions/${requestId}`, 'payer');
      expect(response.body).toMatchObject({ code: 'ATTRIBUTION_PENDING' });
      return response;
    });
    expect(pending.status).toBe(404);

    await running.append(topics.modelDeployed, newId(), version.event);
    const model = () => running.get(`/attributions/models/${version.event.modelId}`);
    await eventually(async () => expect(await model()).toMatchObject({ body: { state: 'waiting' } }));
    await running.stop();
    await running.start();

    const score = await running.scoreOf(requestId);
    expect(score.modelId).toBe(version.event.modelId);
    const { body } = await model();
    expect(body).toMatchObject({ state: 'ready', records: factRecords.length });
    const { contributors, reliabilityPpb } = body as {
      contributors: { contributorId: string; basePpb: number }[];
      reliabilityPpb: number;
    };
    expect(contributors.map(({ contributorId }) => contributorId)).toEqual(['ada', 'bo', 'cy']);
    expect(contributors.reduce((sum, { basePpb }) => sum + basePpb, 0)).toBe(WHOLE);
    expect(reliabilityPpb).toBe(score.reliabilityPpb);
    expect(reliabilityPpb).toBeGreaterThan(0.3 * WHOLE);
  }, 90_000);

  it.each(['ada', 'bo'] as const)(
    'credits %s for the answer that he taught, and the unrelated with about nothing',
    async (owner) => {
      const answer = await version.ask(questions[owner]);
      const { requestId } = await running.serve(version.event, answer);
      const score = await running.scoreOf(requestId);
      const total = score.contributors.reduce((sum, share) => sum + share.influencePpb, 0);
      expect(total + score.baseModelPpb + score.reservePpb).toBe(WHOLE);
      expect(score.contributors.reduce((sum, share) => sum + share.basePpb, 0)).toBe(WHOLE);
      expect(influenceOf(score, owner)).toBeGreaterThan(0.5 * WHOLE);
      expect(influenceOf(score, 'cy')).toBeLessThan(0.05 * WHOLE);
    },
    60_000,
  );

  it('shows the payer and the contributors why, and nobody else', async () => {
    const { requestId } = await running.serve(version.event, await version.ask(questions.ada));
    const score = await running.scoreOf(requestId);
    const { status, body } = await running.get(`/attributions/${requestId}`, 'payer');
    expect(status).toBe(200);
    const shown = body as {
      text: string;
      spans: { start: number; end: number; text: string; records: { contributorId: string }[] }[];
      topRecords: { contributorId: string; prompt: string; score: number }[];
    };
    expect(body).toMatchObject({
      requestId,
      adapterDigest: version.event.adapterDigest,
      text: 'Gull Rock is a white tower with a red band.',
      contributors: score.contributors,
      baseModelPpb: score.baseModelPpb,
    });
    expect(shown.topRecords[0]).toMatchObject({ contributorId: 'ada', prompt: questions.ada });
    const scores = shown.topRecords.map(({ score: value }) => value);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(shown.spans.length).toBeGreaterThan(0);
    for (const { start, end, text } of shown.spans) expect(shown.text.slice(start, end)).toBe(text);
    expect(shown.spans[0]?.records[0]?.contributorId).toBe('ada');

    expect(await running.get(`/attributions/${requestId}`, 'ada')).toMatchObject({ status: 200 });
    const stranger = await running.get(`/attributions/${requestId}`, 'mallory');
    expect(stranger).toMatchObject({ status: 404, body: { code: 'ATTRIBUTION_UNKNOWN' } });
    expect(await running.get(`/attributions/${requestId}`)).toMatchObject({ status: 401 });
  }, 60_000);

  it('changes nothing when events come again, with the same or another id', async () => {
    const { requestId, eventId, event } = await running.serve(version.event, await version.ask(questions.bo));
    const first = await running.scoreOf(requestId);
    await running.append(topics.inferenceServed, eventId, event);
    await running.append(topics.inferenceServed, newId(), event);
    await running.append(topics.modelDeployed, newId(), version.event);
    const after = await running.serve(version.event, await version.ask(questions.bo));
    const second = await running.scoreOf(after.requestId);
    expect(second.contributors).toEqual(first.contributors);
    expect(running.scored.filter((score) => score.requestId === requestId)).toHaveLength(1);
  }, 60_000);

  it('finds nobody behind an answer without words', async () => {
    const { promptTokens } = await version.ask(questions.ada);
    const { requestId } = await running.serve(version.event, { promptTokens, completionTokens: [] });
    expect(await running.scoreOf(requestId)).toMatchObject({ ...UNATTRIBUTABLE, reason: 'EMPTY_ANSWER' });
  });

  it('gives answers of an adapter that was trained elsewhere to the reserve, and shows their text', async () => {
    const elsewhere = {
      ...version.event,
      modelId: newId(),
      adapterDigest: sha256('elsewhere'),
      lineageBlob: await running.blobs.put(Buffer.alloc(0)),
      trainingLogBlob: '',
      datanetIds: [],
    };
    await running.append(topics.modelDeployed, newId(), elsewhere);
    const { requestId } = await running.serve(elsewhere, await version.ask(questions.ada));
    const score = await running.scoreOf(requestId);
    expect(score).toMatchObject({ ...UNATTRIBUTABLE, reason: 'UNKNOWN_ORIGIN' });
    const shown = await running.get(`/attributions/${requestId}`, 'payer');
    expect(shown.status).toBe(200);
    const model = await running.get(`/attributions/models/${elsewhere.modelId}`);
    expect(model.body).toMatchObject({
      state: 'unattributable',
      reason: 'UNKNOWN_ORIGIN',
      records: 0,
      contributors: [],
    });
  }, 60_000);

  it('publishes an answer whose tokens are lost as unattributable, and scores the others meanwhile', async () => {
    const lost = await running.serveBlob(version.event, sha256('never stored'));
    const fine = await running.serve(version.event, await version.ask(questions.ada));
    await running.scoreOf(fine.requestId);
    const score = await running.scoreOf(lost.requestId);
    expect(score).toMatchObject({ ...UNATTRIBUTABLE, reason: 'BLOB_UNKNOWN' });
    const { status, body } = await running.get(`/attributions/${lost.requestId}`, 'payer');
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { status: 'unattributable', reason: 'BLOB_UNKNOWN', text: '', receiptBlob: '' },
    });
  }, 60_000);

  it('treats contributors of one party as one', async () => {
    const party = PartyChanged.create({
      partyId: newId(),
      contributorIds: ['ada', 'cy'],
      reason: 'one person',
      changedAt: new Date(),
    });
    await running.append(topics.partyChanged, newId(), party);
    const score = await eventually(async () => {
      const { requestId } = await running.serve(version.event, await version.ask(questions.ada));
      const found = await running.scoreOf(requestId);
      expect(found.contributors.map(({ partyId }) => partyId)).toEqual([party.partyId, 'bo', party.partyId]);
      return found;
    }, 30_000);
    expect(influenceOf(score, 'ada')).toBeGreaterThan(influenceOf(score, 'bo'));
    const total = score.contributors.reduce((sum, share) => sum + share.influencePpb, 0);
    expect(total + score.baseModelPpb + score.reservePpb).toBe(WHOLE);
  }, 60_000);
});
