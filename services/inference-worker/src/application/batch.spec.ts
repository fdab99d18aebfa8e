import { type ModelConfig, type ServingSession, seededRandom } from '@openledger/transformer';
import { plainSampling } from '../domain/sampling.js';
import { TokenSampler } from '../domain/token-sampler.js';
import { Batch } from './batch.js';
import type { RowModel } from './batch-row.js';

const VOCABULARY = 8;
const config = { layerCount: 1, kvHeadCount: 1, headDim: 1, vocabSize: VOCABULARY } as ModelConfig;
const CHUNK = 64;

interface Sender {
  readonly tenant: string;
  readonly everyMs: number;
  readonly seed: number;
}

interface Request {
  readonly promptTokens: number;
  readonly answerTokens: number;
}

/** Milliseconds that a 0.5 B model takes on one core: a step of so many rows, a chunk of so many tokens. */
const decodeMs = (rows: number): number => 26 + 6 * rows;
const chunkMs = (tokens: number): number => 12 + 2.4 * tokens;

/** A batch on a clock that only its steps move. */
class Simulation {
  now = 0;
  private readonly arrivals: { readonly atMs: number; readonly tenant: string }[] = [];
  private readonly asked = new Map<number, { readonly atMs: number; readonly tenant: string }>();
  private readonly firstMs = new Map<number, number>();
  private readonly batch: Batch;

  constructor(
    senders: readonly Sender[],
    private readonly request: Request,
    private readonly untilMs: number,
  ) {
    for (const { tenant, everyMs, seed } of senders) {
      const random = seededRandom(seed);
      for (let atMs = 0; atMs < untilMs; atMs += everyMs * -Math.log(1 - random())) {
        this.arrivals.push({ atMs, tenant });
      }
    }
    this.arrivals.sort((a, b) => a.atMs - b.atMs);
    const model = {
      decoder: () => ({ push: () => '', flush: () => '' }),
      eosTokenIds: new Set<number>(),
      contextTokens: 2_048,
      sampler: new TokenSampler(VOCABULARY),
    } as unknown as RowModel;
    this.batch = new Batch(
      {
        session: { step: (rows) => this.step(rows) },
        config,
        model,
        rowsMax: 8,
        prefillChunkTokens: CHUNK,
        stripTokensMax: 1_000_000,
        prefixCacheBytes: 0,
      },
      { admit: () => true, isPooled: () => true, suspend: () => undefined },
      {
        piece: (id) => {
          if (!this.firstMs.has(id)) this.firstMs.set(id, this.now - (this.asked.get(id)?.atMs ?? 0));
        },
        embedded: () => undefined,
        failed: (_, error) => {
          throw error;
        },
        stepped: () => undefined,
      },
    );
  }

  /** The time to the first token that 95 of 100 of a tenant's requests kept, in ms. */
  async p95(tenant: string): Promise<number> {
    while (this.now < this.untilMs) {
      this.arrive();
      const [next] = this.arrivals;
      if (!(await this.batch.tick())) this.now = Math.max(this.now, next?.atMs ?? this.untilMs);
    }
    const ids = [...this.asked].filter(([, asked]) => asked.tenant === tenant).map(([id]) => id);
    const times = ids.map((id) => this.firstMs.get(id) ?? this.untilMs).sort((a, b) => a - b);
    return times[Math.ceil(0.95 * times.length) - 1] ?? Number.NaN;
  }

  private arrive(): void {
    const { promptTokens, answerTokens } = this.request;
    for (let next = this.arrivals[0]; next && next.atMs <= this.now; next = this.arrivals[0]) {
      this.arrivals.shift();
      const id = this.asked.size + 1;
      this.asked.set(id, next);
      this.batch.add({
        id,
        tenant: next.tenant,
        tokens: Array.from({ length: promptTokens }, () => 1),
        adapters: [],
        digests: [],
        sampling: { ...plainSampling, maxTokens: answerTokens },
      });
    }
  }

  private async step(rows: Parameters<ServingSession['step']>[0]) {
    const time = rows[0]?.tokens.length ?? 0;
    this.now += time > 1 ? chunkMs(time) : decodeMs(rows.length);
    const tensor = (...shape: number[]) => ({
      shape,
      data: new Float32Array(shape.reduce((product, size) => product * size, 1)),
    });
    const fresh = [tensor(rows.length, 1, time, 1)];
    return { logits: tensor(rows.length, VOCABULARY), keys: fresh, values: fresh };
  }
}

describe('Batch', () => {
  it.each([
    { promptTokens: 256, answerTokens: 32, share: 0.15 },
    { promptTokens: 256, answerTokens: 16, share: 0.2 },
    { promptTokens: 512, answerTokens: 64, share: 0.15 },
  ])('keeps first tokens fast beside a flood: %j', async ({ share, ...request }) => {
    const { promptTokens, answerTokens } = request;
    const requestMs = (decodeMs(8) / 8) * answerTokens + (promptTokens / CHUNK) * chunkMs(CHUNK);
    const normal = { tenant: 'normal', everyMs: requestMs / share, seed: 41 };
    const flood = { tenant: 'greedy', everyMs: normal.everyMs / 10, seed: 37 };
    const p95 = (...senders: Sender[]) => new Simulation(senders, request, 400_000).p95('normal');
    const alone = await p95(normal);
    expect((await p95(normal, flood)) / alone).toBeLessThan(1.5);
    // As one tenant they wait in one line.
    expect((await p95(normal, { ...flood, tenant: 'normal' })) / alone).toBeGreaterThan(10);
  });
});
