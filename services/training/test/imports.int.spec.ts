import {
  type AdapterFiles,
  configFile,
  encodeAdapter,
  parseAdapter,
  weightsFile,
} from '@openledger/adapters';
import { decodeEvent, topics } from '@openledger/contracts';
import { sha256 } from '@openledger/kernel';
import { eventually } from '@openledger/testing';
import { tinyModel } from '@openledger/testing/tiny-model';
import { initialLora, type LoraConfig, modelFolderDigest } from '@openledger/transformer';
import { asFile, facts, TrainingFixture } from './training-fixture.js';

const lora: LoraConfig = { rank: 4, alpha: 8, targetModules: ['q_proj', 'v_proj'] };
const adapter = (seed: number, model = tinyModel): AdapterFiles =>
  encodeAdapter(lora, initialLora(model, lora, seed), 'trained elsewhere');

describe('imports of adapters', () => {
  let fixture: TrainingFixture;

  const deployed = (adapterDigest: string) =>
    eventually(() => {
      const events = fixture.published
        .filter(({ type }) => type === topics.modelDeployed.name)
        .map(({ body }) => decodeEvent(topics.modelDeployed, body));
      const event = events.find((candidate) => candidate.adapterDigest === adapterDigest);
      if (!event) throw new Error('not told yet');
      return event;
    });

  beforeAll(async () => {
    fixture = await TrainingFixture.start();
  }, 60_000);
  afterAll(() => fixture.stop());

  it('deploys the adapter that was uploaded, over the base that is served, with nothing known of its data', async () => {
    const files = adapter(1);
    const { status, body } = await fixture.import(files, { cachedPromptWeiPerMillion: '400' });
    expect(body.code).toBeUndefined();
    expect(status).toBe(201);
    const event = await deployed(body.adapterDigest);
    expect(event).toMatchObject({
      modelId: body.modelId,
      name: 'elsewhere',
      runId: body.id,
      developerOrganisationId: 'org-1',
      baseName: 'tiny',
      baseDigest: await modelFolderDigest(fixture.modelDir),
      datanetIds: [],
      price: {
        promptWeiPerMillion: '1000',
        cachedPromptWeiPerMillion: '400',
        completionWeiPerMillion: '2000',
      },
      lineageBlob: sha256(Buffer.alloc(0)),
      trainingLogBlob: '',
    });
    const kept = {
      config: await fixture.blobs.get(event.adapterConfigBlob),
      weights: await fixture.blobs.get(event.adapterWeightsBlob),
    };
    expect(parseAdapter(kept, tinyModel).digest).toBe(body.adapterDigest);
    expect(Buffer.from(kept.config)).toEqual(Buffer.from(files.config));

    const model = await fixture.call('GET', `/models/${body.modelId}`);
    expect(model.body).toMatchObject({
      name: 'elsewhere',
      importId: body.id,
      adapterDigest: body.adapterDigest,
      lora,
    });
    const lineage = await fixture.call('GET', `/models/${body.modelId}/lineage`);
    expect(lineage.body).toMatchObject({ total: 0, records: [] });
  });

  it('keeps nothing of what it refuses, and tells nobody', async () => {
    const before = fixture.published.length;
    const other = { ...tinyModel, hiddenSize: 2 * tinyModel.hiddenSize };
    const refusals: readonly (readonly [string, Awaited<ReturnType<typeof fixture.import>>])[] = [
      ['400 ADAPTER_BASE_MISMATCH', await fixture.import(adapter(5, other))],
      ['400 ADAPTER_OPTION_UNSUPPORTED', await fixture.import(withOption({ use_dora: true }))],
      ['400 ADAPTER_RANK_UNSUPPORTED', await fixture.import(withOption({ r: 512 }))],
      ['400 UNREADABLE_SAFETENSORS', await fixture.import({ ...adapter(5), weights: Buffer.from('short') })],
      [
        '400 ADAPTER_FILE_PICKLED',
        await fixture.import({ ...adapter(5), weights: Buffer.from('PK\u0003\u0004 torch') }),
      ],
      [
        '400 ADAPTER_FILE_PICKLED',
        await fixture.import(adapter(5), { weights: asFile(adapter(5).weights, 'adapter_model.bin') }),
      ],
      [
        '400 ADAPTER_FILE_NAME',
        await fixture.import(adapter(5), { weights: asFile(adapter(5).weights, `../../${weightsFile}`) }),
      ],
      [
        '400 ADAPTER_FILE_NAME',
        await fixture.import(adapter(5), { config: asFile(adapter(5).config, `/etc/${configFile}`) }),
      ],
      ['413 IMPORT_TOO_LARGE', await fixture.import({ ...adapter(5), weights: Buffer.alloc(1_500_000) })],
      ['400 IMPORT_MALFORMED', await fixture.import(adapter(5), { config: undefined })],
      ['400 IMPORT_MALFORMED', await fixture.import(adapter(5), { weights: 'text' })],
      ['400 REQUEST_INVALID', await fixture.import(adapter(5), { modelName: '../up' })],
      ['400 REQUEST_INVALID', await fixture.import(adapter(5), { promptWeiPerMillion: '-1' })],
      ['400 REQUEST_INVALID', await fixture.import(adapter(5), { cachedPromptWeiPerMillion: '1001' })],
      ['400 REQUEST_INVALID', await fixture.import(adapter(5), { surprise: 'x' })],
      ['400 REQUEST_INVALID', await fixture.import(adapter(5), { constructor: 'x' })],
      [
        '400 REQUEST_INVALID',
        await fixture.import(adapter(5), { surprise: asFile(Buffer.from('x'), 'x.sh') }),
      ],
    ];
    for (const [expected, { status, body }] of refusals) expect(`${status} ${body.code}`).toBe(expected);
    for (const { detail } of refusals.map(([, { body }]) => body)) expect(detail).not.toBe('');
    expect(await fixture.blobs.has(sha256(adapter(5).weights))).toBe(false);
    expect(fixture.published).toHaveLength(before);
    const { body } = await fixture.call('GET', '/models');
    expect(body.models.map(({ name }) => name)).toEqual(['elsewhere']);
  });

  it('refuses a body that is no form, and callers who may not', async () => {
    const headers = { authorization: 'Bearer org-1' };
    const text = await fixture.post('/models/imports', 'x', { ...headers, 'content-type': 'text/plain' });
    expect([text.status, text.body.code]).toEqual([400, 'IMPORT_MALFORMED']);
    const cut = await fixture.post('/models/imports', '--b\r\n', {
      ...headers,
      'content-type': 'multipart/form-data; boundary=b',
    });
    expect([cut.status, cut.body.code]).toEqual([400, 'IMPORT_MALFORMED']);
    expect((await fixture.import(adapter(6), {}, 'nobody')).status).toBe(401);
    expect((await fixture.import(adapter(6), {}, 'reader')).status).toBe(403);
  });

  it('gives a name a new version, and shares it with runs of the same organisation only', async () => {
    const first = await fixture.import(adapter(2), { modelName: 'versions' });
    const second = await fixture.import(adapter(3), { modelName: 'versions' });
    expect(second.body.modelId).toBe(first.body.modelId);
    const { body } = await fixture.call('GET', `/models/${first.body.modelId}`);
    expect(body.adapterDigest).toBe(second.body.adapterDigest);
    const foreign = await fixture.import(adapter(4), { modelName: 'versions' }, 'org-2');
    expect([foreign.status, foreign.body.code]).toEqual([409, 'MODEL_NAME_TAKEN']);

    const datanetId = await fixture.datanet();
    await fixture.contribute(datanetId, 'ada', facts('the tide', 4));
    const run = { modelName: 'versions', datanetIds: [datanetId], lora: { rank: 4, alpha: 8 }, epochs: 1 };
    const { body: queued } = await eventually(async () => {
      const answer = await fixture.call('POST', '/training-runs', run);
      expect(answer.status).toBe(202);
      return answer;
    });
    expect(queued.modelId).toBe(first.body.modelId);
  });

  it('says which model it was forked from, of those that are deployed, and never itself', async () => {
    const parent = await fixture.import(adapter(21), { modelName: 'parent' });
    const fork = await fixture.import(adapter(22), { modelName: 'fork', forkOf: 'parent' }, 'org-2');
    expect(await deployed(fork.body.adapterDigest)).toMatchObject({ parentModelId: parent.body.modelId });
    expect(await deployed(parent.body.adapterDigest)).toMatchObject({ parentModelId: '' });
    const unknown = await fixture.import(adapter(23), { modelName: 'orphan', forkOf: 'nobody-knows' });
    expect([unknown.status, unknown.body.code]).toEqual([404, 'PARENT_UNKNOWN']);
    const itself = await fixture.import(adapter(24), { modelName: 'mirror', forkOf: 'mirror' });
    expect([itself.status, itself.body.code]).toEqual([400, 'PARENT_IS_ITSELF']);

    const datanetId = await fixture.datanet();
    await fixture.contribute(datanetId, 'ada', facts('the moon', 4));
    const run = { modelName: 'moon', forkOf: 'parent', datanetIds: [datanetId], epochs: 1 };
    await eventually(async () => {
      const answer = await fixture.call('POST', '/training-runs', run);
      expect([answer.status, answer.body.plan.parentModelId]).toEqual([202, parent.body.modelId]);
    });
    const stray = await fixture.call('POST', '/training-runs', {
      ...run,
      forkOf: 'nothing',
      modelName: 'moonlet',
    });
    expect([stray.status, stray.body.code]).toEqual([404, 'PARENT_UNKNOWN']);
  });
});

function withOption(changes: object): AdapterFiles {
  const { config, weights } = adapter(5);
  const values = JSON.parse(Buffer.from(config).toString()) as object;
  return { config: Buffer.from(JSON.stringify({ ...values, ...changes })), weights };
}
