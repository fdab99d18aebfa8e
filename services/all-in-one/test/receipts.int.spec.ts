import type { InferenceServed } from '@openledger/contracts';
import { contentDigest, sha256, verifyReceipt } from '@openledger/kernel';
import { eventually } from '@openledger/testing';
import { ServedModels } from './served-models.js';

/** What anybody can check with the event and its blob alone. */
async function checked(models: ServedModels, event: InferenceServed) {
  if (!event.workerReceipt) throw new Error('no receipt');
  const statement = verifyReceipt(event.workerReceipt);
  const blobs = await models.blobs();
  const blob = Buffer.from(await blobs.get(event.tokensBlob)).toString();
  const { promptTokens, completionTokens } = JSON.parse(blob) as Record<string, number[]>;
  expect(sha256(blob)).toBe(event.tokensBlob);
  expect(statement).toMatchObject({
    kind: 'run',
    requestId: event.requestId,
    baseDigest: event.baseDigest,
    adapters: [{ digest: event.adapterDigest, weight: 1 }],
    inputSha256: contentDigest(promptTokens ?? []),
    outputSha256: contentDigest(completionTokens ?? []),
    promptTokens: promptTokens?.length,
    completionTokens: completionTokens?.length,
    finishReason: event.finishReason,
  });
  return statement;
}

describe('the receipt of a real worker', () => {
  let models: ServedModels;
  const chat = { model: 'model-0', messages: [{ role: 'user' as const, content: 'What do you know?' }] };

  beforeAll(async () => {
    models = await ServedModels.start(2);
  });
  afterAll(() => models.stop());

  const eventOf = (id: string): Promise<InferenceServed> =>
    eventually(() => {
      const event = models.served.find(({ requestId }) => id.endsWith(requestId));
      if (!event) throw new Error('not served yet');
      return event;
    });

  it('is in the event of each answer, also where the prompt was read before', async () => {
    const content = 'The same beginning, again and again. '.repeat(12);
    const ask = () =>
      models.client.chat.completions.create({
        ...chat,
        messages: [{ role: 'user', content }],
        max_tokens: 5,
      });
    const statements = [];
    for (const { id } of [await ask(), await ask()])
      statements.push(await checked(models, await eventOf(id)));
    expect(statements.map(({ cachedTokens }) => cachedTokens > 0)).toEqual([false, true]);
  });

  it('says what was written by the time that the caller left', async () => {
    const stream = await models.client.chat.completions.create({
      ...chat,
      stream: true,
      max_tokens: 400,
      ...{ ignore_eos: true },
    });
    let id = '';
    for await (const chunk of stream) {
      id = chunk.id;
      if (chunk.choices[0]?.delta.content) break;
    }
    const event = await eventOf(id);
    const { completionTokens } = await checked(models, event);
    expect(event).toMatchObject({ finishReason: 'cancelled', usage: { completionTokens } });
    expect(completionTokens).toBeLessThan(400);
  });
});
