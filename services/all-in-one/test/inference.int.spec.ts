import { eventually } from '@openledger/testing';
import { ServedModels } from './served-models.js';

const MODELS = 6;

describe('gateway and worker', () => {
  let models: ServedModels;

  beforeAll(async () => {
    models = await ServedModels.start(MODELS);
  });
  afterAll(() => models.stop());

  const question = (model: string) => ({
    model,
    messages: [{ role: 'user' as const, content: 'What do you know?' }],
    temperature: 0,
    max_tokens: 24,
  });

  async function plain(model: string): Promise<string> {
    const { choices } = await models.client.chat.completions.create(question(model));
    return choices[0]?.message.content ?? '';
  }

  async function streamed(model: string): Promise<string> {
    let text = '';
    const stream = await models.client.chat.completions.create({ ...question(model), stream: true });
    for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
    return text;
  }

  it('answers many callers of different models at once, each as if it were alone, and receipts each', async () => {
    const { digests, served } = models;
    const alone = new Map<string, string>();
    for (const name of digests.keys()) alone.set(name, await plain(name));
    expect(new Set(alone.values()).size).toBe(MODELS);

    const names = Array.from({ length: 5 }, () => [...digests.keys()]).flat();
    const answers = await Promise.all(
      names.map(async (name, index) => ({ name, text: await (index % 2 === 0 ? plain : streamed)(name) })),
    );
    for (const { name, text } of answers) expect(text).toBe(alone.get(name));

    await eventually(() => expect(served).toHaveLength(MODELS + names.length));
    for (const { modelName, adapterDigest, usage } of served) {
      expect(adapterDigest).toBe(digests.get(modelName));
      expect(usage?.completionTokens).toBeGreaterThan(0);
    }
    expect(new Set(served.map(({ requestId }) => requestId)).size).toBe(served.length);
  });
});
