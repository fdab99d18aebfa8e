import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { z } from 'zod';
import { Client } from '../src/demo/client.js';
import { Attribution, Receipt } from '../src/demo/pages.js';
import { PlatformProcess } from './process.js';

const PPB = 1_000_000_000;

const Demo = z.object({
  apiKey: z.string(),
  model: z.string(),
  question: z.string(),
  answer: z.object({ requestId: z.string(), text: z.string() }),
  contributors: z.array(z.object({ name: z.string(), personId: z.string(), wallet: z.string() })),
  assessed: z.record(z.string(), z.object({ acceptedCount: z.number(), rejectedCount: z.number() })),
  parties: z.array(z.object({ contributorIds: z.array(z.string()), reason: z.string() })),
  run: z.object({ evaluation: z.object({ baseLoss: z.number(), adapterLoss: z.number() }) }),
  attribution: Attribution,
  receipt: Receipt,
  claims: z.array(
    z.object({
      name: z.string(),
      transactionHash: z.string(),
      leafWei: z.string(),
      beforeWei: z.string(),
      afterWei: z.string(),
    }),
  ),
});

const sumWei = (receipt: z.infer<typeof Receipt>) =>
  receipt.parts.reduce((sum, { amountWei }) => sum + BigInt(amountWei), 0n);

describe('the platform in one process', () => {
  let dataDir: string;
  let demo: z.infer<typeof Demo>;
  const started: PlatformProcess[] = [];
  const start = (args: readonly string[] = []) => {
    const platform = PlatformProcess.start(dataDir, args);
    started.push(platform);
    return platform;
  };
  const person = (name: string) => {
    const found = demo.contributors.find((contributor) => contributor.name === name);
    if (!found) throw new Error(`${name} did not contribute`);
    return found;
  };

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'openledger-e2e-'));
    const platform = start(['--once']);
    const code = await platform.ended();
    if (code !== 0) throw new Error(`the demo ended with ${code}:\n${platform.log}`);
    demo = Demo.parse(JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8')));
  }, 300_000);

  afterAll(async () => {
    for (const platform of started) {
      platform.signal('SIGKILL');
      await platform.ended();
    }
    await rm(dataDir, { recursive: true, force: true });
  });

  it('answers from what the strong contributor taught', () => {
    expect(demo.answer.text).toContain('single green flash every four seconds');
    expect(demo.run.evaluation.adapterLoss).toBeLessThan(0.7 * demo.run.evaluation.baseLoss);
  });

  it('gives shares that sum to one, most of them to the strong contributor', () => {
    const { contributors, baseModelPpb, reservePpb, spans, text } = demo.attribution;
    const influence = contributors.reduce((sum, { influencePpb }) => sum + influencePpb, 0);
    expect(influence + baseModelPpb + reservePpb).toBe(PPB);
    expect(contributors.reduce((sum, { basePpb }) => sum + basePpb, 0)).toBe(PPB);
    const [first] = [...contributors].sort((a, b) => b.influencePpb - a.influencePpb);
    expect(first?.contributorId).toBe(person('Ada').personId);
    expect(spans.length).toBeGreaterThan(0);
    for (const span of spans) expect(Array.from(text).slice(span.start, span.end).join('')).toBe(span.text);
  });

  it('splits the fee to the wei', () => {
    expect(BigInt(demo.receipt.feeWei)).toBeGreaterThan(0n);
    expect(sumWei(demo.receipt)).toBe(BigInt(demo.receipt.feeWei));
  });

  it('groups the copyist with the copied, and pays him less than 5 % of what she earns', () => {
    const [ada, cy] = [person('Ada'), person('Cy')];
    const party = demo.parties.find(({ contributorIds }) => contributorIds.includes(cy.personId));
    expect(party?.contributorIds).toContain(ada.personId);
    expect(party?.reason).not.toBe('');
    const earned = (personId: string) =>
      demo.receipt.parts
        .filter((part) => part.role === 'contributor' && part.payeeId === personId)
        .reduce((sum, { amountWei }) => sum + BigInt(amountWei), 0n);
    expect(earned(ada.personId)).toBeGreaterThan(0n);
    expect(earned(cy.personId) * 20n).toBeLessThan(earned(ada.personId));
  });

  it('raises a claimant’s balance by exactly the leaf', () => {
    expect(demo.claims.map(({ name }) => name)).toContain('Ada');
    for (const { afterWei, beforeWei, leafWei } of demo.claims) {
      expect(BigInt(afterWei) - BigInt(beforeWei)).toBe(BigInt(leafWei));
    }
  });

  it('continues after a restart, answers the official client, and loses nothing to kill -9', async () => {
    const second = start();
    const url = await second.url();
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: demo.apiKey, maxRetries: 0 });
    const models = await openai.models.list();
    expect(models.data.map(({ id }) => id)).toContain(demo.model);
    const { data, response } = await openai.chat.completions
      .create({
        model: demo.model,
        messages: [{ role: 'user', content: demo.question }],
        max_tokens: 64,
        temperature: 0,
      })
      .withResponse();
    expect(data.choices[0]?.message.content).toBe(demo.answer.text);
    const requestId = response.headers.get('x-openledger-request-id') ?? '';
    second.signal('SIGKILL');
    await second.ended();

    const third = start();
    const client = new Client(await third.url()).withCredential(demo.apiKey);
    const receipt = await client.until(
      `/settlement/receipts/${requestId}`,
      Receipt,
      ({ state }) => state === 'credited',
    );
    expect(sumWei(receipt)).toBe(BigInt(receipt.feeWei));
    const attribution = await client.get(`/attributions/${requestId}`, Attribution);
    expect(attribution.text).toBe(demo.answer.text);
    third.signal('SIGTERM');
    expect(await third.ended()).toBe(0);
  }, 300_000);

  it('refuses a second platform on the same data folder, and options it does not know', async () => {
    const first = start(['--empty']);
    await first.url();
    const second = start(['--empty']);
    expect(await second.ended()).toBe(1);
    expect(second.log).toContain('DATA_FOLDER_IN_USE');
    const typo = start(['--emtpy']);
    expect(await typo.ended()).toBe(1);
    expect(typo.log).toContain('OPTION_INVALID');
    first.signal('SIGINT');
    expect(await first.ended()).toBe(0);
  }, 120_000);
});
