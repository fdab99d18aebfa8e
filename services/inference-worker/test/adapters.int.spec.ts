import { status } from '@grpc/grpc-js';
import type { AdapterReference } from '@openledger/contracts';
import { sha256 } from '@openledger/kernel';
import { permutation, seededRandom } from '@openledger/transformer';
import { type Answer, WorkerFixture } from './worker-fixture.js';

const unavailable = expect.objectContaining({
  code: status.UNAVAILABLE,
  details: expect.stringMatching('^ADAPTER_UNAVAILABLE: '),
});

describe('adapters', () => {
  let worker: WorkerFixture;
  let adapters: AdapterReference[];
  const prompts = ['Tell me about the heart.', 'What is a contract?', 'x', 'y '.repeat(90)];

  beforeAll(async () => {
    // Room for three adapters, so that the others are evicted and come back all the time.
    worker = await WorkerFixture.start({ ADAPTER_CACHE_BYTES: String(3 * 30_000), QUEUE_MAX: '200' });
    adapters = await Promise.all(Array.from({ length: 10 }, (_, seed) => worker.adapter(seed)));
  });
  afterAll(() => worker.stop());

  it('answers differently by each adapter, and by none', async () => {
    const texts = await Promise.all(
      [undefined, ...adapters].map(async (adapter) =>
        (await worker.run('Same question', adapter)).tokens.join(),
      ),
    );
    expect(new Set(texts).size).toBe(adapters.length + 1);
  });

  it('never answers by another adapter, however requests are interleaved', async () => {
    const alone = new Map<string, Answer>();
    const cases = [undefined, ...adapters].flatMap((adapter) =>
      prompts.map((prompt) => ({ adapter, prompt })),
    );
    for (const { adapter, prompt } of cases) {
      const length = 4 + ((adapter?.digest.charCodeAt(0) ?? 0) % 9);
      alone.set(`${adapter?.digest} ${prompt}`, await worker.run(prompt, adapter, { maxTokens: length }));
    }
    const order = permutation(cases.length * 3, seededRandom(99));
    const mixed = await Promise.all(
      Array.from(order, async (index, arrival) => {
        const found = cases[index % cases.length];
        if (!found) throw new Error('an index beyond the cases');
        const { adapter, prompt } = found;
        const length = 4 + ((adapter?.digest.charCodeAt(0) ?? 0) % 9);
        // Some leave in the middle, so that rows move while others decode.
        if (arrival % 7 === 0) {
          const call = worker.call(prompt, adapter, { maxTokens: 200 });
          call.on('error', () => undefined);
          call.once('data', () => call.cancel());
        }
        const answer = await worker.run(prompt, adapter, { maxTokens: length });
        return { answer, key: `${adapter?.digest} ${prompt}`, digest: adapter?.digest ?? '' };
      }),
    );
    expect(mixed).toHaveLength(cases.length * 3);
    for (const { answer, key, digest } of mixed) {
      expect(answer).toEqual(alone.get(key));
      expect([...answer.adapterDigests]).toEqual([digest]);
    }
    const { memoryAdapterDigests } = await worker.status();
    expect(memoryAdapterDigests.length).toBeLessThan(adapters.length);
  });

  it('refuses an adapter whose files have another digest, and serves the others', async () => {
    const [first, second] = adapters;
    if (!first || !second) throw new Error('there are adapters');
    const swapped = { ...first, digest: sha256('another'), weightsBlob: second.weightsBlob };
    const good = worker.run('meanwhile', second);
    await expect(worker.run('hello', swapped)).rejects.toEqual(unavailable);
    await expect(worker.run('hello', { ...swapped, weightsBlob: sha256('missing') })).rejects.toEqual(
      unavailable,
    );
    expect((await good).adapterDigests).toEqual(new Set([second.digest]));
  });

  it('refuses files that are no adapter of this model', async () => {
    const configBlob = await worker.blobs.put(Buffer.from('{"peft_type":"LORA"}'));
    const weightsBlob = await worker.blobs.put(Buffer.from('not safetensors'));
    const broken = { digest: sha256('broken'), configBlob, weightsBlob };
    await expect(worker.run('hello', broken)).rejects.toEqual(unavailable);
    const named = expect.objectContaining({ code: status.INVALID_ARGUMENT });
    await expect(worker.run('hello', { ...broken, digest: '../../etc/passwd' })).rejects.toEqual(named);
  });
});
