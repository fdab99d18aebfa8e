import { AdapterHeat } from './adapter-heat.js';

const WORKERS = 4;

/** One request every 100 ms; of each hundred, `share` are for `hot` and the others for one of many. */
function load(heat: AdapterHeat, share: number, from: number, seconds: number): number {
  const requests = seconds * 10;
  for (let index = 0; index < requests; index += 1) {
    const digest = (index * 37) % 100 < share ? 'hot' : `cold ${index}`;
    heat.note(digest, from + index * 100);
  }
  return from + requests * 100;
}
const replicas = (heat: AdapterHeat, now: number) => heat.replication('hot', WORKERS, now).replicas;

describe('AdapterHeat', () => {
  it.each([
    [10, 1],
    [40, 2],
    [60, 3],
    [90, 4],
    [100, 4],
  ])('gives an adapter with %i %% of the load %i of four workers', (share, count) => {
    const heat = new AdapterHeat();
    const now = load(heat, share, 0, 120);
    expect(replicas(heat, now)).toBe(count);
    expect(heat.replication('cold 3', WORKERS, now).replicas).toBe(1);
  });

  it('tells of the next replica before it is used', () => {
    const heat = new AdapterHeat();
    const now = load(heat, 22, 0, 120);
    expect(heat.replication('hot', WORKERS, now)).toEqual({ replicas: 1, growing: true });
    const calm = new AdapterHeat();
    expect(calm.replication('hot', WORKERS, load(calm, 10, 0, 120)).growing).toBe(false);
  });

  it('shrinks again when the adapter cools, but not at once', () => {
    const heat = new AdapterHeat();
    const hot = load(heat, 40, 0, 120);
    expect(replicas(heat, hot)).toBe(2);
    const milder = load(heat, 24, hot, 120);
    expect(replicas(heat, milder)).toBe(2);
    const cool = load(heat, 5, milder, 240);
    expect(replicas(heat, cool)).toBe(1);
  });

  it('leaves one worker to an adapter that is alone but rarely asked for', () => {
    const heat = new AdapterHeat();
    for (let index = 0; index < 10; index += 1) heat.note('hot', index * 1_000);
    expect(replicas(heat, 10_000)).toBe(1);
  });

  it('forgets the coldest of very many', () => {
    const heat = new AdapterHeat();
    for (let index = 0; index < 30; index += 1) heat.note('hot', index);
    for (let index = 0; index < 20_000; index += 1) heat.note(`cold ${index}`, 30 + index / 1_000);
    for (let index = 0; index < 60_000; index += 1) heat.note('hot', 60 + index / 1_000);
    expect(replicas(heat, 200)).toBe(4);
  });
});
