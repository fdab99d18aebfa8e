import { parseAdapter } from '@openledger/adapters';
import { decodeEvent, topics } from '@openledger/contracts';
import { eventually } from '@openledger/testing';
import { tinyModel } from '@openledger/testing/tiny-model';
import { type Answer, facts, TrainingFixture } from './training-fixture.js';

const plan = {
  modelName: 'facts',
  lora: { rank: 4, alpha: 8 },
  epochs: 6,
  batchRows: 4,
  learningRate: 0.02,
  maxTokens: 64,
  minLossDrop: 0.05,
};

describe('training', () => {
  let fixture: TrainingFixture;
  let datanetId: string;

  const ended = (id: string) =>
    eventually(async () => {
      const { body } = await fixture.call('GET', `/training-runs/${id}`);
      expect(['deployed', 'refused', 'failed', 'cancelled']).toContain(body.status);
      return body;
    }, 60_000);
  const queue = async (changes: object = {}) => {
    const { status, body } = await fixture.call('POST', '/training-runs', {
      ...plan,
      datanetIds: [datanetId],
      ...changes,
    });
    expect(body.code).toBeUndefined();
    expect(status).toBe(202);
    return body.id;
  };
  const deployedEvents = () =>
    fixture.published
      .filter(({ type }) => type === topics.modelDeployed.name)
      .map(({ body }) => decodeEvent(topics.modelDeployed, body));

  beforeAll(async () => {
    fixture = await TrainingFixture.start();
    datanetId = await fixture.datanet();
    await fixture.contribute(datanetId, 'ada', facts('the tide', 24));
    await fixture.contribute(datanetId, 'bo', facts('the wind', 12));
    await eventually(async () => {
      const { body } = await fixture.call('POST', '/training-runs', {
        ...plan,
        datanetIds: [datanetId],
        epochs: 0,
      });
      expect(body.code).toBe('REQUEST_INVALID');
    });
  }, 60_000);
  afterAll(() => fixture.stop());

  it('trains on accepted records, shows progress, and deploys the digest it evaluated', async () => {
    const id = await eventually(() => queue());
    const run = await ended(id);
    expect(run.failure).toBeUndefined();
    expect(run.status).toBe('deployed');
    expect(run.progress.step).toBe(run.progress.steps);
    expect(run.evaluation.adapterLoss).toBeLessThan(0.95 * run.evaluation.baseLoss);

    const [event] = await eventually(() => {
      const events = deployedEvents();
      expect(events).toHaveLength(1);
      return events;
    });
    expect(event).toMatchObject({
      name: 'facts',
      adapterDigest: run.adapterDigest,
      developerOrganisationId: 'org-1',
    });
    const adapter = parseAdapter(
      {
        config: await fixture.blobs.get(event?.adapterConfigBlob ?? ''),
        weights: await fixture.blobs.get(event?.adapterWeightsBlob ?? ''),
      },
      tinyModel,
    );
    expect(adapter.digest).toBe(run.adapterDigest);
  }, 90_000);

  it('says exactly which records the adapter saw, and keeps the held-out ones out of it', async () => {
    const run = await ended(await queue({ modelName: 'lineage', heldOutPercent: 25 }));
    const { body } = await fixture.call('GET', `/models/${run.modelId}/lineage?limit=100`);
    expect(body.total + run.evaluation.heldOutRecords).toBe(36);
    expect(new Set(body.records.map(({ contributorId }) => contributorId))).toEqual(new Set(['ada', 'bo']));
    for (const record of body.records) {
      expect(record.tokens).toBeGreaterThan(0);
      expect(record.completion).toBeUndefined();
    }
  }, 90_000);

  it('continues a run that a stop cut short, and ends as if it had not been', async () => {
    const whole = await ended(await queue({ modelName: 'whole', epochs: 12 }));
    const id = await queue({ modelName: 'cut', epochs: 12 });
    await eventually(async () => {
      const { body } = await fixture.call('GET', `/training-runs/${id}`);
      expect(body.progress.step).toBeGreaterThan(5);
      expect(body.status).toBe('running');
    });
    await fixture.stopService();
    await fixture.startService();
    const run = await ended(id);
    expect(run.status).toBe('deployed');
    expect(run.adapterDigest).toBe(whole.adapterDigest);
  }, 120_000);

  it('cancels a run', async () => {
    const id = await queue({ modelName: 'unwanted', epochs: 100 });
    await eventually(async () => {
      const { body } = await fixture.call('GET', `/training-runs/${id}`);
      expect(body.status).toBe('running');
    });
    await fixture.call('POST', `/training-runs/${id}/cancel`);
    expect((await ended(id)).status).toBe('cancelled');
  }, 60_000);

  it('lists runs and models page by page', async () => {
    const pagesOf = async (path: string, organisation = 'org-1') => {
      const pages: Answer[] = [];
      for (let after: string | null = ''; after !== null; after = pages.at(-1)?.next ?? null) {
        const cursor = after === '' ? '' : `&after=${after}`;
        pages.push((await fixture.call('GET', `${path}?limit=2${cursor}`, undefined, organisation)).body);
      }
      return pages;
    };
    const { body: all } = await fixture.call('GET', '/training-runs');
    const pages = await pagesOf('/training-runs');
    expect(all.runs.length).toBeGreaterThanOrEqual(5);
    expect(pages[0]?.runs).toHaveLength(2);
    expect(pages.flatMap(({ runs }) => runs.map(({ id }) => id))).toEqual(all.runs.map(({ id }) => id));
    const times = all.runs.map(({ createdAt }) => createdAt);
    expect(times).toEqual([...times].sort().reverse());

    const names = (await pagesOf('/models')).flatMap(({ models }) => models.map(({ name }) => name));
    expect(names).toEqual(['cut', 'facts', 'lineage', 'unwanted', 'whole']);

    expect((await pagesOf('/training-runs', 'org-2')).flatMap(({ runs }) => runs)).toEqual([]);
    const [first] = all.runs;
    const { body: foreign } = await fixture.call(
      'GET',
      `/training-runs?after=${first?.id}`,
      undefined,
      'org-2',
    );
    expect(foreign).toEqual({ runs: [], next: null });
    expect((await fixture.call('GET', '/training-runs?limit=101')).body.code).toBe('REQUEST_INVALID');
  });

  it('does not deploy an adapter that helps too little', async () => {
    const before = deployedEvents().length;
    const run = await ended(await queue({ modelName: 'hopeless', epochs: 1, learningRate: 1e-9 }));
    expect(run.status).toBe('refused');
    expect(run.failure).toContain('held-out loss');
    expect(deployedEvents()).toHaveLength(before);
  }, 60_000);

  it('takes one record that two contributions hold once', async () => {
    const twice = await fixture.datanet();
    await fixture.contribute(twice, 'ada', facts('the bell', 8));
    await fixture.contribute(twice, 'cy', facts('the bell', 8));
    const run = await eventually(async () => ended(await queue({ modelName: 'once', datanetIds: [twice] })));
    const { body } = await fixture.call('GET', `/models/${run.modelId}/lineage`);
    expect(body.total + run.evaluation.heldOutRecords).toBe(8);
  }, 90_000);

  describe('refuses', () => {
    const refusal = async (changes: object, organisation = 'org-1') => {
      const { status, body } = await fixture.call(
        'POST',
        '/training-runs',
        { ...plan, datanetIds: [datanetId], ...changes },
        organisation,
      );
      return `${status} ${body.code}`;
    };
    const priced = { price: { promptWeiPerMillion: '1', completionWeiPerMillion: '0' } };

    it('data that does not permit it', async () => {
      const closed = await fixture.datanet({ training: false, commercialUse: false });
      const free = await fixture.datanet({ training: true, commercialUse: false });
      await eventually(async () => {
        expect(await refusal({ datanetIds: [closed] })).toBe('403 TRAINING_NOT_PERMITTED');
        expect(await refusal({ datanetIds: [free], ...priced })).toBe('403 COMMERCIAL_USE_NOT_PERMITTED');
        expect(await refusal({ datanetIds: [free] })).toBe('412 NO_ACCEPTED_RECORDS');
      });
    });

    it('what it does not know or cannot mean', async () => {
      expect(await refusal({ datanetIds: ['nowhere'] })).toBe('404 DATANET_UNKNOWN');
      expect(await refusal({ modelName: 'Not A Name' })).toBe('400 REQUEST_INVALID');
      expect(await refusal({ lora: { rank: 0 } })).toBe('400 REQUEST_INVALID');
      expect(await refusal({ price: { promptWeiPerMillion: '-5', completionWeiPerMillion: '0' } })).toBe(
        '400 REQUEST_INVALID',
      );
      const cachedDearer = {
        promptWeiPerMillion: '5',
        cachedPromptWeiPerMillion: '6',
        completionWeiPerMillion: '0',
      };
      expect(await refusal({ price: cachedDearer })).toBe('400 REQUEST_INVALID');
      expect(await refusal({ surprise: 1 })).toBe('400 REQUEST_INVALID');
    });

    it('another organisation’s name and another organisation’s run', async () => {
      expect(await refusal({ modelName: 'facts' }, 'org-2')).toBe('409 MODEL_NAME_TAKEN');
      const id = await queue({ modelName: 'private', epochs: 1 });
      expect((await fixture.call('GET', `/training-runs/${id}`, undefined, 'org-2')).status).toBe(404);
      await ended(id);
    }, 60_000);
  });
});
