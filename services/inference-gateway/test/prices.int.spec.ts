import { toPrice, type WirePrice } from '@openledger/contracts';
import { feeOf, newId } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { eventually } from '@openledger/testing';
import { inferenceGateway } from '../src/index.js';
import { GatewayFixture, ORGANISATION } from './gateway-fixture.js';
import { spell } from './worker-server.js';

const price = { promptWeiPerMillion: '3000000', completionWeiPerMillion: '5000000' };
const ANSWER = 'fine';

describe('the gateway and its prices', () => {
  let fixture: GatewayFixture;
  let database: Database;
  let modelId: string;

  beforeEach(async () => {
    fixture = await GatewayFixture.start();
    fixture.settlement.lends = true;
    database = await fixture.database(inferenceGateway.migrations);
    fixture.script(spell(ANSWER));
    modelId = newId();
  });
  afterEach(async () => {
    await database.close();
    await fixture.stop();
  });

  const rows = () =>
    database.query<{
      completion_wei_per_million: string | null;
      cached_prompt_wei_per_million: string | null;
    }>('SELECT * FROM model WHERE model_id = $1', [modelId]);
  const deploy = async (deployed: WirePrice = price) => {
    await fixture.deploy('law', { modelId, price: deployed });
    await eventually(async () => expect(await rows()).toHaveLength(1));
  };
  const ask = () =>
    fixture.openai().chat.completions.create({
      model: 'law',
      messages: [{ role: 'user', content: 'Hi' }],
      max_tokens: 10,
    });
  const lastServed = async (count: number) => {
    await eventually(() => expect(fixture.served).toHaveLength(count));
    const served = fixture.served.at(-1);
    if (!served?.usage) throw new Error('nothing was served');
    return { ...served, usage: served.usage };
  };

  it('asks for a price that it never learned, once, and never takes it for nothing', async () => {
    fixture.settlement.prices.set(modelId, price);
    await deploy();
    await database.query('UPDATE model SET prompt_wei_per_million = NULL, completion_wei_per_million = NULL');
    await ask();
    await ask();
    expect(fixture.settlement.priced).toEqual([modelId]);
    const { usage, feeWei } = await lastServed(2);
    expect(feeWei).toBe(String(3 * usage.promptTokens + 5 * 4));
    expect(await rows()).toMatchObject([{ completion_wei_per_million: price.completionWeiPerMillion }]);
  });

  it('goes by what was deployed until settlement has heard of it', async () => {
    await deploy();
    await ask();
    expect(await lastServed(1)).toMatchObject(price);
    expect(fixture.settlement.priced).toEqual([modelId]);
  });

  it('charges cached prompt tokens by their price, and tells it', async () => {
    const caching = { ...price, cachedPromptWeiPerMillion: '1000000' };
    fixture.settlement.prices.set(modelId, { ...caching, goodForMs: 60_000 });
    await deploy();
    const script = spell(ANSWER);
    fixture.script(async function* (request, signal) {
      for await (const piece of script(request, signal)) yield { ...piece, cachedTokens: 2 };
    });
    await ask();
    const served = await lastServed(1);
    const { promptTokens } = served.usage;
    const usage = { promptTokens, cachedTokens: 2, completionTokens: 4 };
    expect(served).toMatchObject({ ...caching, usage });
    expect(BigInt(served.feeWei)).toBe(feeOf(toPrice(caching), usage));
    expect(served.feeWei).toBe(String(3 * (promptTokens - 2) + 2 + 5 * 4));
    expect(await rows()).toMatchObject([{ cached_prompt_wei_per_million: '1000000' }]);
  });

  it('takes the cached class of a deployment, and parks one that no list has', async () => {
    const caching = { ...price, cachedPromptWeiPerMillion: '0' };
    await deploy(caching);
    await ask();
    expect(await lastServed(1)).toMatchObject(caching);
    await fixture.deploy('dear', { price: { ...price, cachedPromptWeiPerMillion: '3000001' } });
    await fixture.deploy('fair', { price });
    await eventually(() => fixture.openai().models.retrieve('fair'));
    await expect(fixture.openai().models.retrieve('dear')).rejects.toMatchObject({ status: 404 });
  });

  it('changes to an announced price in time, without another call', async () => {
    const next = { promptWeiPerMillion: '0', completionWeiPerMillion: '9000000' };
    fixture.settlement.prices.set(modelId, { ...price, next, changesInMs: 500, goodForMs: 60_000 });
    await deploy();
    await ask();
    await eventually(async () => {
      await ask();
      expect(fixture.served.at(-1)).toMatchObject({ ...next, feeWei: '36' });
    });
    expect(fixture.served[0]).toMatchObject(price);
    expect(fixture.settlement.priced).toEqual([modelId]);
  });

  it('says that a budget is spent, and runs nothing', async () => {
    await deploy();
    fixture.settlement.frugal.add(ORGANISATION);
    await expect(ask()).rejects.toMatchObject({ status: 402, code: 'budget_exceeded' });
    expect(fixture.runs).toHaveLength(0);
    expect(fixture.settlement.held).toEqual([]);
    expect(await fixture.metrics()).toContain('reason="budget_exceeded"} 1');
  });
});
