import { eventually } from '@openledger/testing';
import { GatewayFixture } from './gateway-fixture.js';
import { spell } from './worker-server.js';

const MODELS = 300;

interface Page {
  readonly data: readonly { readonly id: string; readonly parent: string | null }[];
  readonly has_more: boolean;
  readonly last_id: string | null;
}

describe('models', () => {
  let fixture: GatewayFixture;
  const names = Array.from({ length: MODELS }, (_, i) => `model-${String(i).padStart(4, '0')}`);

  beforeAll(async () => {
    fixture = await GatewayFixture.start({ BASE_IS_FREE: 'true' });
    for (const name of names) await fixture.deploy(name);
    await eventually(async () => expect((await page({})).data).toHaveLength(MODELS + 1), 20_000);
  }, 30_000);
  afterAll(() => fixture.stop());

  const page = (query: object): Promise<Page> => fixture.openai().get('/models', { query });

  it('are listed page by page, each once, whatever is deployed meanwhile', async () => {
    const found: string[] = [];
    let after: string | null = null;
    do {
      const { data, has_more, last_id }: Page = await page({ limit: 64, ...(after ? { after } : {}) });
      expect(data.length).toBeLessThanOrEqual(64);
      found.push(...data.map(({ id }) => id));
      // Another version of a name that was passed, and of one to come.
      if (after === null) for (const name of [names[3], names[200]]) await fixture.deploy(name ?? '');
      after = has_more ? last_id : null;
    } while (after !== null);
    expect(found).toEqual(['tiny', ...names]);
  });

  it('are all on the first page for clients that know no pages', async () => {
    const found: string[] = [];
    for await (const { id } of fixture.openai().models.list()) found.push(id);
    expect(found).toEqual(['tiny', ...names]);
  });

  it('are bounded, and say what is wrong with a page', async () => {
    for (const query of [{ limit: 1_001 }, { limit: 0 }, { limit: 'x' }, { after: 'x'.repeat(513) }]) {
      await expect(page(query)).rejects.toEqual(
        expect.objectContaining({ status: 400, code: 'request_invalid' }),
      );
    }
    expect(await page({ after: 'zzz' })).toEqual({
      object: 'list',
      data: [],
      has_more: false,
      first_id: null,
      last_id: null,
    });
  });

  it('are known by their base as well, and by no other', async () => {
    fixture.script(spell('fine'));
    const [name = ''] = names;
    const ask = async (model: string) =>
      (await fixture.openai().completions.create({ model, prompt: 'a' })).choices[0]?.text;
    expect(await ask(`tiny:${name}`)).toBe('fine');
    const { digest = '' } = fixture.runs.at(-1)?.adapters[0]?.adapter ?? {};
    expect(await ask(`tiny:${name}@${digest.slice(0, 16)}`)).toBe('fine');
    for (const model of [`other:${name}`, 'tiny:nobody', 'tiny:', `tiny:tiny`]) {
      await expect(ask(model)).rejects.toEqual(
        expect.objectContaining({ status: 404, code: 'model_not_found', param: 'model' }),
      );
    }
    expect((await fixture.openai().models.retrieve(`tiny:${name}`)).id).toBe(name);
  });
});
