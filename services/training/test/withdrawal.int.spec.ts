import { newId } from '@openledger/kernel';
import { eventually } from '@openledger/testing';
import { facts, TrainingFixture } from './training-fixture.js';

const plan = {
  lora: { rank: 4, alpha: 8 },
  epochs: 3,
  batchRows: 4,
  learningRate: 0.02,
  maxTokens: 64,
  // Whatever it learns is deployed, so that its lineage can be read.
  minLossDrop: 0,
};

describe('training without what was taken back', () => {
  let fixture: TrainingFixture;
  beforeAll(async () => {
    fixture = await TrainingFixture.start();
  });
  afterAll(() => fixture.stop());

  const queue = async (modelName: string, datanetId: string, changes: object = {}) => {
    const asked = { ...plan, modelName, datanetIds: [datanetId], ...changes };
    return (await fixture.call('POST', '/training-runs', asked)).body;
  };
  const ended = (id: string) =>
    eventually(async () => {
      const { body } = await fixture.call('GET', `/training-runs/${id}`);
      expect(['deployed', 'refused', 'failed', 'cancelled']).toContain(body.status);
      return body;
    }, 60_000);
  const contributorsOf = async (modelId: string) => {
    const { body } = await fixture.call('GET', `/models/${modelId}/lineage?limit=100`);
    return [...new Set(body.records.map(({ contributorId }) => contributorId))];
  };
  /** Asked again until all that was published has arrived. */
  const trainedOn = (modelName: string, datanetId: string, contributors: readonly string[]) =>
    eventually(async () => {
      const { id } = await queue(modelName, datanetId);
      expect(id).toBeDefined();
      const run = await ended(id);
      expect(run.status).toBe('deployed');
      expect(await contributorsOf(run.modelId)).toEqual(contributors);
    }, 60_000);
  const seeded = async () => {
    const datanetId = await fixture.datanet();
    const ada = await fixture.contribute(datanetId, 'ada', facts('the tide', 12));
    const bo = await fixture.contribute(datanetId, 'bo', facts('the wind', 12));
    return { datanetId, ada, bo };
  };

  it('leaves it out of new runs, and refuses a run over nothing else', async () => {
    const { datanetId, ada, bo } = await seeded();
    await fixture.withdraw(bo, datanetId);
    await trainedOn('without-bo', datanetId, ['ada']);
    await fixture.withdraw(ada, datanetId);
    await eventually(async () =>
      expect(await queue('without-anybody', datanetId)).toMatchObject({ code: 'NO_ACCEPTED_RECORDS' }),
    );
  }, 120_000);

  it('knows of a withdrawal that came before the assessment', async () => {
    const { datanetId, ada } = await seeded();
    const later = newId();
    await fixture.withdraw(later, datanetId);
    await fixture.withdraw(ada, datanetId);
    await fixture.contribute(datanetId, 'cy', facts('the moon', 12), later);
    await trainedOn('only-bo', datanetId, ['bo']);
  }, 120_000);

  it('leaves it out of runs that wait, down to refusing those that have nothing left', async () => {
    const [adas, bos] = [await fixture.datanet(), await fixture.datanet()];
    await fixture.contribute(adas, 'ada', facts('the tide', 12));
    const bo = await fixture.contribute(bos, 'bo', facts('the wind', 12));
    const both = { datanetIds: [adas, bos] };
    const first = await eventually(async () => {
      expect((await queue('of-bo', bos)).id).toBeDefined();
      const run = await queue('first', adas, { ...both, epochs: 100 });
      expect(run.id).toBeDefined();
      return run;
    });
    const some = await queue('some', adas, both);
    const none = await queue('none', bos);
    await fixture.withdraw(bo, bos);
    await eventually(async () =>
      expect(await queue('later', bos)).toMatchObject({ code: 'NO_ACCEPTED_RECORDS' }),
    );
    expect((await fixture.call('GET', `/training-runs/${some.id}`)).body.status).toBe('queued');
    await fixture.call('POST', `/training-runs/${first.id}/cancel`);
    const trained = await ended(some.id);
    expect(await contributorsOf(trained.modelId)).toEqual(['ada']);
    expect((await ended(none.id)).failure).toMatch(/^NO_ACCEPTED_RECORDS/);
  }, 120_000);
});
