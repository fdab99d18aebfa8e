import { join } from 'node:path';
import { ContributionAssessed, ContributionWithdrawn, topics } from '@openledger/contracts';
import { canonicalJson, type Json, newId, sha256 } from '@openledger/kernel';
import { eventually } from '@openledger/testing';
import { chatContextPrompt, type LoadedModel, loadModelFolder } from '@openledger/transformer';
import { RunningAttribution } from './running-attribution.js';
import { TrainedVersion } from './trained-version.js';

const WHOLE = 1_000_000_000;
const QUESTION = 'Which colour is it?';
const THINGS = ['door', 'boat', 'hat', 'cup', 'roof', 'coat', 'chair', 'lamp', 'bag', 'gate'];
const COLOURS = ['red', 'blue', 'green', 'white', 'black', 'grey', 'brown', 'yellow'];
const sentence = (thing: string, colour: string) => `The ${thing} is ${colour}.`;

/** Teaches seedling to look a colour up: three quarters of all pairs, so that others are left to be asked for. */
const lessons = THINGS.flatMap((thing, i) =>
  COLOURS.filter((_, j) => (i + j) % 4 !== 0).map((colour) => ({
    contributorId: 'teacher',
    prompt: `Context:\n${sentence(thing, colour)}\n\n${QUESTION}`,
    completion: sentence(thing, colour),
  })),
);
const SEEN = sentence('hat', 'brown');
const OTHER = 'The tide turns at noon.';

const modelDir = join(import.meta.dirname, '..', '..', '..', '..', 'models', 'seedling');

describe('an answer that was looked up in a retrieved chunk', () => {
  let running: RunningAttribution;
  let version: TrainedVersion;
  let base: LoadedModel;
  beforeAll(async () => {
    running = await RunningAttribution.prepare(modelDir, { ATTRIBUTION_AUDIT_SECONDS: '0' });
    base = await loadModelFolder(modelDir);
    const plan = { modelDir, epochs: 8, batchRows: 6, learningRate: 0.004 };
    version = await TrainedVersion.train(running.blobs, lessons, plan);
    await running.start();
    await running.append(topics.modelDeployed, newId(), version.event);
  }, 120_000);
  afterAll(async () => {
    await version?.release();
    await running?.dispose();
  });

  const idOf = (text: string) => sha256(canonicalJson({ text }));
  const contribute = async (contributorId: string, text: string) => {
    const contributionId = newId();
    const line = { contributionId, contributorId, id: idOf(text), quality: 1, record: { text } };
    const event = ContributionAssessed.create({
      contributionId,
      contributorId,
      datanetId: 'colours',
      acceptedCount: 1,
      acceptedBlob: await running.blobs.put(Buffer.from(`${canonicalJson(line as Json)}\n`)),
      assessedAt: new Date(),
    });
    await running.append(topics.contributionAssessed, newId(), event);
    return contributionId;
  };
  const withdraw = (contributorId: string, contributionId: string) =>
    running.append(
      topics.contributionWithdrawn,
      newId(),
      ContributionWithdrawn.create({
        contributionId,
        contributorId,
        datanetId: 'colours',
        withdrawnAt: new Date(),
      }),
    );
  /** An answer that says {@link SEEN}, out of a prompt with these chunks. */
  const served = async (texts: readonly string[], records = texts) => {
    const { tokens, ranges } = chatContextPrompt(base, [{ role: 'user', content: QUESTION }], texts);
    const context = ranges.map((range, i) => ({ recordId: idOf(records[i] ?? ''), ...range }));
    const end = base.generation.eosTokenIds.slice(0, 1);
    const completionTokens = [...base.tokenizer.encode(SEEN, { addSpecialTokens: false }), ...end];
    const answer = { promptTokens: tokens, completionTokens, context };
    const { requestId } = await running.serve(version.event, answer);
    const score = await running.scoreOf(requestId);
    const sum = score.contributors.reduce((all, share) => all + share.influencePpb + share.contextPpb, 0);
    expect(sum + score.baseModelPpb + score.reservePpb).toBe(WHOLE);
    const contextOf = (id: string) =>
      score.contributors.find(({ contributorId }) => contributorId === id)?.contextPpb ?? 0;
    return { requestId, score, pool: score.pools?.contextPpb ?? 0, contextOf };
  };

  it('pays the contributor of the chunk that has it, and tells why', async () => {
    await contribute('author', SEEN);
    await contribute('bystander', OTHER);
    const { requestId, pool, contextOf } = await eventually(async () => {
      const found = await served([SEEN, OTHER]);
      expect(found.contextOf('author')).toBeGreaterThan(0);
      return found;
    }, 90_000);
    expect(pool).toBeGreaterThan(0.1 * WHOLE);
    expect(contextOf('author')).toBeGreaterThan(0.9 * pool);
    expect(contextOf('bystander')).toBeLessThan(0.1 * pool);
    const { body } = await running.get(`/attributions/${requestId}/explanation`, 'payer');
    expect(body).toMatchObject({
      chunks: [
        { recordId: idOf(SEEN), contributorId: 'author' },
        { recordId: idOf(OTHER), contributorId: 'bystander' },
      ],
    });
  }, 120_000);

  it('pays no context where nothing was retrieved, and nobody for a text that was changed', async () => {
    expect(await served([])).toMatchObject({ pool: 0 });
    const { pool, contextOf, score } = await served([SEEN], [OTHER]);
    expect(pool).toBeGreaterThan(0.1 * WHOLE);
    expect(contextOf('bystander')).toBe(0);
    expect(score.reservePpb).toBeGreaterThanOrEqual(pool);
  }, 60_000);

  it('pays nobody for what was taken back', async () => {
    await contribute('copyist', SEEN);
    const regretted = sentence('hat', 'yellow');
    const contributionId = await contribute('regretful', regretted);
    await eventually(async () => {
      const { contextOf, pool } = await served([SEEN, regretted]);
      expect(contextOf('author')).toBeGreaterThan(0.9 * pool);
      expect(contextOf('copyist')).toBe(0);
    }, 30_000);
    await withdraw('regretful', contributionId);
    await withdraw('teacher', 'contribution-of-teacher');
    await eventually(async () => {
      const { score, contextOf } = await served([SEEN, regretted]);
      const taught = score.contributors.find((share) => share.contributorId === 'teacher');
      expect(taught?.influencePpb ?? 0).toBe(0);
      expect(score.reservePpb).toBeGreaterThanOrEqual(score.pools?.trainingPpb ?? WHOLE);
      expect(contextOf('regretful')).toBe(0);
    }, 30_000);
  }, 90_000);
});
