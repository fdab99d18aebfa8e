import { inKeyOrder } from './rank-workers.js';
import { Router } from './router.js';
import type { WorkerFacts } from './worker-facts.js';

const worker = (address: string, fields: Partial<WorkerFacts> = {}): WorkerFacts => ({
  address,
  available: true,
  fresh: true,
  running: 0,
  waiting: 0,
  rowsMax: 8,
  queuedTokens: 0,
  prefillTokensPerSecond: 1_000,
  decodeTokensPerSecond: 100,
  kvUsage: 0,
  poolDigests: new Set(),
  memoryDigests: new Set(),
  loadingDigests: new Set(),
  ...fields,
});
const four = ['a', 'b', 'c', 'd'].map((address) => worker(address));
const [home = '', second = ''] = inKeyOrder(four, 'x').map(({ address }) => address);
const ask = (adapter: string | undefined, promptTokens: readonly number[] = [1]) => ({
  tenant: 't',
  adapterDigests: adapter === undefined ? [] : [adapter],
  promptTokens,
});

describe('Router', () => {
  it('takes the base model’s requests to where the prompt has begun, else to the shortest queue', () => {
    const router = new Router();
    const prompt = Array.from({ length: 256 }, (_, index) => index);
    const busy = four.map((facts) =>
      facts.address === 'c' ? facts : { ...facts, running: 8, queuedTokens: 800 },
    );
    const route = router.route(busy, ask(undefined, prompt), 0);
    expect(route.stops[0]?.address).toBe('c');
    router.answeredBy('b', route);
    expect(router.route(four, ask(undefined, [...prompt, 1]), 1).stops[0]).toMatchObject({
      address: 'b',
      // The one token after four whole blocks.
      waitSeconds: 0.001,
    });
    router.forget('b');
    expect(router.route(four, ask(undefined, prompt), 1).stops[0]?.waitSeconds).toBe(0.256);
  });

  it('replicates what is hot along its order, and names the next worker in time', () => {
    const router = new Router();
    let route = router.route(four, ask('x'), 0);
    expect(route).toMatchObject({ replicasToBe: [] });
    expect(route.stops[0]).toMatchObject({ address: home, tier: 'absent' });
    const hinted = new Set<string>();
    for (let index = 0; index < 400; index += 1) {
      const adapter = (index * 37) % 100 < 22 ? 'x' : `y${index}`;
      route = router.route(four, ask(adapter), index * 50);
      if (adapter === 'x') for (const address of route.replicasToBe) hinted.add(address);
    }
    expect([...hinted].sort()).toEqual([home, second].sort());
    for (let index = 0; index < 400; index += 1) router.route(four, ask('x'), 20_000 + index * 50);
    const loaded = four.map((facts) =>
      facts.address === home ? { ...facts, running: 3, prefillTokensPerSecond: 2 } : facts,
    );
    expect(router.route(loaded, ask('x'), 40_000).stops[0]?.address).toBe(second);
    expect(new Router().route(loaded, ask('x'), 40_000).stops[0]?.address).toBe(home);
  });

  it('gives the same route for the same facts', () => {
    const run = () => {
      const router = new Router();
      return Array.from({ length: 200 }, (_, index) =>
        router.route(four, ask(`x${index % 7}`), index).stops.map(({ address }) => address),
      );
    };
    expect(run()).toEqual(run());
  });

  it('says which workers can be judged', () => {
    const facts = [worker('a', { fresh: false }), worker('b', { available: false }), worker('c')];
    const { stops } = new Router().route(facts, ask('x'), 0);
    expect(stops.map(({ address, eligible }) => [address, eligible])).toEqual([
      ['c', true],
      ['a', false],
      ['b', false],
    ]);
  });
});
