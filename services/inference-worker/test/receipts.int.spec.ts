import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  RunEmbedRequest,
  type RunEmbedResponse,
  RunRequest,
  type RunResponse,
  type WorkerReceipt,
} from '@openledger/contracts';
import { contentDigest, generateSigningKey, newId, ReceiptSigner, verifyReceipt } from '@openledger/kernel';
import { createLogger, serviceMetadata } from '@openledger/service-host';
import { openSigner } from '../src/outbound/signing-key.js';
import { SERVICE_TOKEN, WorkerFixture } from './worker-fixture.js';

const log = createLogger('inference-worker', 'silent');

describe('the key that receipts are signed with', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'signing-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('is made once, for its owner alone, and is the same at every start and for all who start together', async () => {
    const stateDir = join(dir, 'state');
    const signers = await Promise.all([1, 2, 3, 4].map(() => openSigner({ stateDir }, log)));
    signers.push(await openSigner({ stateDir }, log));
    const keys = signers.map(({ publicKey }) => Buffer.from(publicKey).toString('hex'));
    expect(new Set(keys).size).toBe(1);
    expect(await readdir(stateDir)).toEqual(['receipt-signing-key.pem']);
    const { mode } = await stat(join(stateDir, 'receipt-signing-key.pem'));
    expect(mode & 0o777).toBe(0o600);
  });

  it('is the configured one before all others, and must be one', async () => {
    const pem = generateSigningKey();
    const signer = await openSigner({ pem, stateDir: dir }, log);
    expect(signer.publicKey).toEqual(new ReceiptSigner(pem).publicKey);
    expect(await readdir(dir)).toEqual([]);
    const invalid = expect.objectContaining({ code: 'SIGNING_KEY_INVALID' });
    await expect(openSigner({ pem: 'none' }, log)).rejects.toEqual(invalid);
  });
});

describe('a worker', () => {
  let dir: string;
  let fixture: WorkerFixture;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'signing-'));
    fixture = await WorkerFixture.start({ STATE_DIR: dir });
  });
  afterAll(async () => {
    await fixture.stop();
    await rm(dir, { recursive: true });
  });

  /** What came, and what the worker says of it. */
  async function run(request: RunRequest, onToken: () => void = () => undefined) {
    const tokens: number[] = [];
    let receipt: WorkerReceipt | undefined;
    for await (const message of fixture.client.run(request, serviceMetadata(SERVICE_TOKEN))) {
      const response = message as RunResponse;
      tokens.push(...response.tokens);
      receipt = response.receipt;
      if (tokens.length > 0) onToken();
    }
    if (!receipt) throw new Error('no receipt');
    return { tokens, receipt, statement: verifyReceipt(receipt) };
  }

  it('signs what it read, used and wrote, with the key that its status names', async () => {
    const adapter = await fixture.adapter(1);
    const promptTokens = [...Buffer.from('Who signs?')];
    const request = RunRequest.fromPartial({
      requestId: newId(),
      promptTokens,
      adapters: [{ adapter, weight: 0.5 }],
      sampling: { maxTokens: 6, ignoreEos: true },
    });
    const { tokens, receipt, statement } = await run(request);
    const { publicKey, baseDigest } = await fixture.status();
    expect(receipt.publicKey).toEqual(publicKey);
    expect(statement).toMatchObject({
      kind: 'run',
      requestId: request.requestId,
      baseDigest,
      adapters: [{ digest: adapter.digest, weight: 0.5 }],
      inputSha256: contentDigest(promptTokens),
      outputSha256: contentDigest(tokens),
      promptTokens: promptTokens.length,
      completionTokens: 6,
      finishReason: 'length',
      engine: 'onnx',
    });
    const { startedAt, firstTokenAt, endedAt } = statement;
    expect([startedAt, firstTokenAt, endedAt].toSorted()).toEqual([startedAt, firstTokenAt, endedAt]);
    expect(Date.now() - Date.parse(startedAt)).toBeLessThan(60_000);
  });

  it('signs what it wrote until it was stopped', async () => {
    const requestId = newId();
    const sampling = { maxTokens: 100, ignoreEos: true };
    const request = RunRequest.fromPartial({ requestId, promptTokens: [1, 2, 3], sampling });
    let stopped = false;
    const { tokens, statement } = await run(request, () => {
      if (stopped) return;
      stopped = true;
      fixture.client.stopRun({ requestId }, serviceMetadata(SERVICE_TOKEN), () => undefined);
    });
    expect(tokens.length).toBeLessThan(100);
    expect(statement).toMatchObject({
      finishReason: 'cancelled',
      completionTokens: tokens.length,
      outputSha256: contentDigest(tokens),
    });
  });

  it('vouches for embeddings as the other side reads them', async () => {
    const inputs = ['one', 'and two'].map((text) => ({ tokens: [...Buffer.from(text)] }));
    const request = RunEmbedRequest.fromPartial({ requestId: newId(), inputs });
    const response = await new Promise<RunEmbedResponse>((resolve, reject) => {
      fixture.client.runEmbed(request, serviceMetadata(SERVICE_TOKEN), (error, answer) => {
        if (error) reject(error);
        else resolve(answer);
      });
    });
    if (!response.receipt) throw new Error('no receipt');
    expect(verifyReceipt(response.receipt)).toMatchObject({
      kind: 'embed',
      inputSha256: contentDigest(inputs.map(({ tokens }) => tokens)),
      outputSha256: contentDigest(response.embeddings.map(({ values }) => values)),
      promptTokens: 10,
      adapters: [],
    });
  });

  it('has the same key after a restart', async () => {
    const { publicKey } = await fixture.status();
    await fixture.stop();
    fixture = await WorkerFixture.start({ STATE_DIR: dir });
    expect((await fixture.status()).publicKey).toEqual(publicKey);
  });
});
