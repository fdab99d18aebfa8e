import { DomainError, generateSigningKey, ReceiptSigner, sha256, verifyReceipt } from '@openledger/kernel';
import { createLogger, Registry } from '@openledger/service-host';
import { eventually } from '@openledger/testing';
import type { RunPiece, RunRequest, WeightedAdapter } from '../src/application/ports.js';
import { inKeyOrder } from '../src/domain/rank-workers.js';
import { rejectedCounter } from '../src/outbound/gateway-metrics.js';
import { WorkerPool, type WorkerPoolOptions } from '../src/outbound/worker-pool.js';
import { piece, type Script, sayAndHang, sealed, spell, WorkerServer } from './worker-server.js';

const SERVICE_TOKEN = 'service-token-of-this-test';
const BASE = sha256('base');

const adapter = (name: string): WeightedAdapter => ({
  adapter: { digest: sha256(name), configBlob: sha256('config'), weightsBlob: sha256('weights') },
  weight: 1,
});

/** A pool over scripted workers, each found by its address. */
class PoolFixture {
  private constructor(
    readonly pool: WorkerPool,
    readonly workers: ReadonlyMap<string, WorkerServer>,
    /** What the directory names; read by the pool every two seconds. */
    readonly addresses: string[],
    private readonly metrics: Registry,
  ) {}

  static async start(count: number, options: Partial<WorkerPoolOptions> = {}): Promise<PoolFixture> {
    const workers = new Map<string, WorkerServer>();
    for (let index = 0; index < count; index += 1) {
      const worker = new WorkerServer();
      workers.set(await worker.listen(SERVICE_TOKEN, BASE), worker);
    }
    const metrics = new Registry();
    const addresses = [...workers.keys()];
    const pool = new WorkerPool({
      addresses,
      baseDigest: BASE,
      serviceToken: SERVICE_TOKEN,
      runTimeoutMs: 20_000,
      firstTokenLimitMs: 10_000,
      log: createLogger('gateway', 'silent'),
      metrics,
      rejected: rejectedCounter(metrics),
      ...options,
    });
    await pool.start();
    return new PoolFixture(pool, workers, addresses, metrics);
  }

  /** In the order in which an adapter prefers them when nothing else is known. */
  inOrder({ adapter: { digest } }: WeightedAdapter): WorkerServer[] {
    const addresses = [...this.workers.keys()].map((address) => ({ address }));
    return inKeyOrder(addresses, digest).flatMap(({ address }) => this.workers.get(address) ?? []);
  }

  request(fields: Partial<RunRequest> = {}): RunRequest {
    const sampling = {
      maxTokens: 16,
      temperature: 0,
      topP: 1,
      topK: 0,
      minP: 0,
      seed: 0,
      stop: [],
      presencePenalty: 0,
      frequencyPenalty: 0,
      repetitionPenalty: 1,
      logitBias: {},
      jsonSchema: '',
      ignoreEos: false,
    };
    const requestId = sha256(`${Math.random()}`).slice(0, 16);
    return { requestId, promptTokens: [1, 2, 3], adapters: [], tenant: 't', sampling, ...fields };
  }

  async run(fields: Partial<RunRequest> = {}): Promise<RunPiece[]> {
    const pieces: RunPiece[] = [];
    for await (const piece of this.pool.run(this.request(fields), new AbortController().signal))
      pieces.push(piece);
    return pieces;
  }

  async count(name: string, labels: Readonly<Record<string, string>>): Promise<number> {
    const metric = await this.metrics.getSingleMetric(name)?.get();
    const wanted = JSON.stringify(labels);
    return metric?.values.find((value) => JSON.stringify(value.labels) === wanted)?.value ?? 0;
  }

  /** Until every worker has been asked for its status anew, twice: the first may have been under way. */
  async observed(): Promise<void> {
    for (let time = 0; time < 2; time += 1) {
      const heard = [...this.workers.values()].map(
        (worker) =>
          new Promise<void>((resolve) => {
            const before = worker.beforeStatus;
            worker.beforeStatus = async () => {
              worker.beforeStatus = before;
              resolve();
            };
          }),
      );
      await Promise.all(heard);
    }
  }

  stop(): void {
    this.pool.close();
    for (const worker of this.workers.values()) worker.close();
  }
}

const refuse = (kind: 'exhausted' | 'unavailable' | 'invalid', code: string): Script =>
  // biome-ignore lint/correctness/useYield: a refusal has no first message
  async function* () {
    throw new DomainError(kind, code, 'Not now.');
  };

const textOf = (pieces: readonly RunPiece[]) => pieces.map(({ text }) => text).join('');

describe('the pool of workers', () => {
  let fixture: PoolFixture;
  const law = adapter('law');
  afterEach(() => fixture.stop());

  it('says once that a worker gives no status', async () => {
    const lines: string[] = [];
    const log = createLogger('gateway', 'warn', { write: (line) => void lines.push(line) });
    fixture = await PoolFixture.start(2, { log });
    const [gone, there] = [...fixture.workers.values()];
    if (!gone || !there) throw new Error('two were started');
    gone.close();
    await eventually(() => expect(lines).toHaveLength(1));
    expect(lines[0]).toContain('a worker gives no status');
    let watched = 0;
    there.beforeStatus = async () => {
      watched += 1;
    };
    await eventually(() => expect(watched).toBeGreaterThan(3));
    expect(lines).toHaveLength(1);
  });

  describe('with four workers', () => {
    beforeEach(async () => {
      fixture = await PoolFixture.start(4);
    });

    it('keeps an adapter at one worker, and spreads different ones', async () => {
      for (let time = 0; time < 5; time += 1) await fixture.run({ adapters: [law] });
      const [home] = fixture.inOrder(law);
      expect(home?.requests).toHaveLength(5);
      expect(home?.requests[0]).toMatchObject({ tenant: 't', adapters: [law] });
      for (let index = 0; index < 40; index += 1) await fixture.run({ adapters: [adapter(`a${index}`)] });
      for (const worker of fixture.workers.values()) expect(worker.requests.length).toBeGreaterThan(2);
    });

    it('prefers the worker that holds the adapter, and the nearer tier', async () => {
      const [home, , third, fourth] = fixture.inOrder(law);
      if (!home || !third || !fourth) throw new Error('four workers');
      fourth.status = { memoryAdapterDigests: [law.adapter.digest] };
      await fixture.observed();
      await fixture.run({ adapters: [law] });
      third.status = { poolAdapterDigests: [law.adapter.digest] };
      await fixture.observed();
      await fixture.run({ adapters: [law] });
      expect([home, third, fourth].map(({ requests }) => requests.length)).toEqual([0, 1, 1]);
      expect(await fixture.count('openlora_routed_total', { tier: 'memory' })).toBe(1);
      expect(await fixture.count('openlora_routed_total', { tier: 'pool' })).toBe(1);
      expect(fixture.inOrder(law).flatMap(({ prefetched }) => prefetched)).toEqual([]);
    });

    it('hints the adapter to the chosen worker, and to the next one before a hot adapter needs it', async () => {
      const [home, second, third, fourth] = fixture.inOrder(law);
      const hinted = (worker: WorkerServer | undefined) =>
        worker?.prefetched.filter((digest) => digest === law.adapter.digest).length;
      await fixture.run({ adapters: [law] });
      await eventually(() => expect(hinted(home)).toBe(1));
      // Of a hundred requests 22 are for it: one worker of four is enough for now, but not for long.
      for (let index = 0; index < 100; index += 1) {
        const isLaw = (index * 37) % 100 < 22;
        await fixture.run({ adapters: [isLaw ? law : adapter(`cold ${index}`)] });
      }
      await eventually(() => expect(hinted(second)).toBe(1));
      expect([third, fourth].map(hinted)).toEqual([0, 0]);
      const asked = (worker: WorkerServer | undefined) =>
        worker?.requests.filter(({ adapters: [first] }) => first?.adapter?.digest === law.adapter.digest)
          .length;
      expect([home, second, third, fourth].map(asked)).toEqual([23, 0, 0, 0]);
    });

    it('moves off a worker whose queue is long, and counts what it has sent itself', async () => {
      const [home, second] = fixture.inOrder(law);
      if (!home || !second) throw new Error('two workers');
      for (const worker of fixture.workers.values()) {
        worker.status = { rowsMax: 2, prefillTokensPerSecond: 100, decodeTokensPerSecond: 10 };
        worker.script = sayAndHang('a');
      }
      await fixture.observed();
      const controller = new AbortController();
      const begun = Array.from({ length: 8 }, () =>
        fixture.pool.run(fixture.request({ adapters: [law] }), controller.signal),
      );
      // All before the next status, so only what the pool itself knows can spread them.
      await Promise.all(begun.map((pieces) => pieces.next()));
      const counts = fixture.inOrder(law).map(({ requests }) => requests.length);
      expect(Math.max(...counts)).toBeLessThanOrEqual(4);
      expect(counts[0]).toBeGreaterThan(0);
      controller.abort();
      await Promise.all(begun.map((pieces) => pieces.return(undefined)));
    });

    it('sends a prompt to where its beginning was read', async () => {
      const prompt = Array.from({ length: 256 }, (_, index) => index);
      await fixture.run({ promptTokens: prompt });
      const [first] = [...fixture.workers.values()].filter(({ requests }) => requests.length > 0);
      for (let time = 0; time < 4; time += 1) await fixture.run({ promptTokens: [...prompt, time] });
      expect(first?.requests).toHaveLength(5);
      for (let index = 0; index < 12; index += 1)
        await fixture.run({ promptTokens: prompt, tenant: `u${index}` });
      expect(first?.requests.length).toBeLessThanOrEqual(17);
    });
  });

  describe('with two workers', () => {
    let home: WorkerServer;
    let other: WorkerServer;
    beforeEach(async () => {
      fixture = await PoolFixture.start(2);
      const [first, second] = fixture.inOrder(law);
      if (!first || !second) throw new Error('two workers');
      [home, other] = [first, second];
    });

    it('asks the other when one refuses before the first token, and leaves the one alone for a while', async () => {
      for (const [index, script] of [
        refuse('exhausted', 'OVERLOADED'),
        refuse('unavailable', 'ENGINE_UNAVAILABLE'),
        refuse('unavailable', 'ADAPTER_UNAVAILABLE'),
      ].entries()) {
        await eventually(async () => {
          home.script = spell('home');
          expect(textOf(await fixture.run({ adapters: [law] }))).toBe('home');
        });
        home.script = script;
        other.script = spell('other');
        const asked = home.requests.length;
        expect(textOf(await fixture.run({ adapters: [law] }))).toBe('other');
        expect(home.requests.length).toBe(asked + 1);
        expect(textOf(await fixture.run({ adapters: [law] }))).toBe('other');
        // Still out, except that a full worker is soon asked again.
        if (index > 0) expect(home.requests.length).toBe(asked + 1);
      }
    });

    it('holds a worker whose adapter fails back for that adapter alone', async () => {
      home.script = (request, signal) =>
        request.adapters[0]?.adapter?.digest === law.adapter.digest
          ? refuse('unavailable', 'LOGITS_NOT_FINITE')(request, signal)
          : spell('fine')(request, signal);
      const same = Array.from({ length: 50 }, (_, index) => adapter(`n${index}`)).find(
        (candidate) => fixture.inOrder(candidate)[0] === home,
      );
      if (!same) throw new Error('no other adapter of this home');
      await fixture.run({ adapters: [law] });
      const asked = home.requests.length;
      expect(textOf(await fixture.run({ adapters: [same] }))).toBe('fine');
      expect(home.requests.length).toBe(asked + 1);
    });

    it('asks nobody else after the first token, or for what would fail there as well', async () => {
      home.script = async function* (request) {
        yield piece(request, 'a', '');
        throw new DomainError('unavailable', 'ENGINE_UNAVAILABLE', 'It died.');
      };
      await expect(fixture.run({ adapters: [law] })).rejects.toThrow('It died.');
      home.script = refuse('invalid', 'SAMPLING_INVALID');
      await eventually(async () => {
        const before = other.requests.length;
        await expect(fixture.run({ adapters: [law] })).rejects.toMatchObject({ code: 'SAMPLING_INVALID' });
        expect(other.requests.length).toBe(before);
      });
      expect(home.requests.at(-1)?.requestId).not.toBe(other.requests.at(-1)?.requestId);
    });

    it('goes round a worker that is gone, and tells when all are', async () => {
      home.close();
      expect(textOf(await fixture.run({ adapters: [law] }))).toBe('Hello there');
      other.close();
      await expect(fixture.run({ adapters: [law] })).rejects.toMatchObject({
        kind: 'unavailable',
        code: 'UPSTREAM_UNAVAILABLE',
      });
    });

    it('counts a worker whose status is old as full', async () => {
      await fixture.run({ adapters: [law] });
      home.beforeStatus = () => new Promise(() => undefined);
      await eventually(async () => {
        const before = other.requests.length;
        await fixture.run({ adapters: [law] });
        expect(other.requests.length).toBe(before + 1);
      });
      const reached = home.requests.length;
      await fixture.run({ adapters: [law] });
      expect(home.requests.length).toBe(reached);
    }, 15_000);

    it('refuses where everyone would keep the caller waiting too long, and says when to come back', async () => {
      const busy = {
        rowsMax: 1,
        running: 1,
        waiting: 9,
        decodeTokensPerSecond: 10,
        prefillTokensPerSecond: 100,
      };
      home.status = { ...busy, queuedTokens: 300 };
      other.status = { ...busy, queuedTokens: 500 };
      await fixture.observed();
      // Of 11 that end over 30 s the tenth is 27.3 s away, against a limit of 10 s.
      await expect(fixture.run({ adapters: [law] })).rejects.toMatchObject({
        kind: 'exhausted',
        code: 'OVERLOADED',
        details: { retryAfterSeconds: 18 },
      });
      expect(await fixture.count('openlora_rejected_total', { reason: 'first_token' })).toBe(1);
      other.status = {};
      await fixture.observed();
      await fixture.run({ adapters: [law] });
      expect([home, other].map(({ requests }) => requests.length)).toEqual([0, 1]);
    });

    it('lets a worker that is no longer named finish what it has, and gives it nothing new', async () => {
      let goOn: () => void = () => undefined;
      const released = new Promise<void>((resolve) => (goOn = resolve));
      home.script = async function* (request) {
        yield piece(request, 'a', '');
        await released;
        yield piece(request, 'z', 'stop');
      };
      const { signal } = new AbortController();
      const pieces = fixture.pool.run(fixture.request({ adapters: [law] }), signal);
      await pieces.next();
      const at = fixture.addresses.findIndex((address) => fixture.workers.get(address) === home);
      fixture.addresses.splice(at, 1);
      await eventually(async () => {
        home.script = spell('home');
        expect(textOf(await fixture.run({ adapters: [law] }))).toBe('Hello there');
      });
      goOn();
      expect((await pieces.next()).value).toMatchObject({ text: 'z', finishReason: 'stop' });
    });

    it('gives a worker of another base nothing', async () => {
      home.status = { baseDigest: sha256('another') };
      await fixture.observed();
      await fixture.run({ adapters: [law] });
      expect(home.requests).toHaveLength(0);
      other.status = home.status;
      await fixture.observed();
      await expect(fixture.run({ adapters: [law] })).rejects.toMatchObject({ code: 'NO_WORKER' });
    });

    it('stops a run that is left so that its last words still come', async () => {
      for (const worker of fixture.workers.values()) worker.script = sayAndHang('abc');
      const controller = new AbortController();
      const request = fixture.request({ adapters: [law] });
      const pieces: RunPiece[] = [];
      for await (const part of fixture.pool.run(request, controller.signal)) {
        pieces.push(part);
        if (part.text === 'c') controller.abort();
      }
      expect(home.stopped).toContain(request.requestId);
      expect(other.stopped).not.toContain(request.requestId);
      const last = pieces.at(-1);
      expect(last).toMatchObject({ finishReason: 'cancelled', tokens: [] });
      if (!last?.receipt) throw new Error('no receipt');
      expect(verifyReceipt(last.receipt)).toMatchObject({ finishReason: 'cancelled', completionTokens: 3 });
    });

    it('cancels at once what has no token yet', async () => {
      home.script = sayAndHang('');
      const controller = new AbortController();
      const pieces = fixture.pool.run(fixture.request({ adapters: [law] }), controller.signal);
      const first = expect(pieces.next()).rejects.toThrow();
      await eventually(() => expect(home.requests).toHaveLength(1));
      controller.abort();
      await first;
      await eventually(() => expect(home.cancelled).toBe(1));
      expect(home.stopped).toEqual([]);
    });

    it('embeds, with a receipt, and asks the other worker where one is gone', async () => {
      const request = { requestId: 'e1', inputs: [[1, 2], [3]], adapters: [law], tenant: 't' };
      const answer = await fixture.pool.embed(request, new AbortController().signal);
      expect(answer.embeddings).toEqual(
        [1, 3].map((token) => [Math.cos(token), Math.sin(token)].map(Math.fround)),
      );
      expect(answer.adapterDigests).toEqual([law.adapter.digest]);
      if (!answer.receipt) throw new Error('no receipt');
      expect(verifyReceipt(answer.receipt)).toMatchObject({ kind: 'embed', promptTokens: 3 });
      home.close();
      await fixture.pool.embed(request, new AbortController().signal);
      expect([home, other].map(({ embeds }) => embeds.length)).toEqual([1, 1]);
    });

    it('embeds where an engine can, and says so where none can', async () => {
      const request = { requestId: 'e2', inputs: [[1, 2]], adapters: [law], tenant: 't' };
      const embed = () => fixture.pool.embed(request, new AbortController().signal);
      home.status = { engine: 'vllm' };
      await fixture.observed();
      await embed();
      expect([home, other].map(({ embeds }) => embeds.length)).toEqual([0, 1]);
      other.status = { engine: 'vllm' };
      await fixture.observed();
      const refused = { kind: 'precondition', code: 'EMBEDDINGS_UNSUPPORTED' };
      await expect(embed()).rejects.toMatchObject(refused);
    });

    it('keeps a receipt that fits', async () => {
      const last = (await fixture.run({ adapters: [law] })).at(-1);
      if (!last?.receipt) throw new Error('no receipt');
      expect(verifyReceipt(last.receipt)).toMatchObject({
        baseDigest: BASE,
        adapters: [{ digest: law.adapter.digest, weight: 1 }],
        completionTokens: 'Hello there'.length,
      });
      expect(await fixture.count('openlora_worker_receipts_total', { outcome: 'fits' })).toBe(1);
    });

    it('keeps none that does not fit, and counts what was wrong; the answer stands', async () => {
      const stranger = new ReceiptSigner(generateSigningKey());
      const own = home.seal;
      const forgeries: readonly (readonly [string, WorkerServer['seal']])[] = [
        ['completionTokens', (statement) => own({ ...statement, completionTokens: 500 })],
        ['adapters', (statement) => own({ ...statement, adapters: [] })],
        ['baseDigest', (statement) => own({ ...statement, baseDigest: sha256('x') })],
        ['outputSha256', (statement) => own({ ...statement, outputSha256: sha256('x') })],
        ['key', (statement) => sealed(stranger, statement)],
        [
          'signature',
          (statement) => ({ ...sealed(stranger, statement), publicKey: Buffer.from(home.signer.publicKey) }),
        ],
        ['absent', () => undefined],
      ];
      for (const [outcome, seal] of forgeries) {
        home.seal = seal;
        const pieces = await fixture.run({ adapters: [law] });
        expect(textOf(pieces)).toBe('Hello there');
        expect(pieces.at(-1)?.receipt).toBeUndefined();
        expect(await fixture.count('openlora_worker_receipts_total', { outcome })).toBe(1);
      }
    });

    it('learns the new key of a worker that was started anew', async () => {
      home.signer = new ReceiptSigner(generateSigningKey());
      const last = (await fixture.run({ adapters: [law] })).at(-1);
      expect(Buffer.from(last?.receipt?.publicKey ?? [])).toEqual(Buffer.from(home.signer.publicKey));
    });
  });
});
