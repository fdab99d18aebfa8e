import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { plant, violations } from './boundaries/plant.mjs';
import { PLANTED } from './boundaries/planted.mjs';

const config = createRequire(import.meta.url)('../.dependency-cruiser.cjs');
const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));

const planted = [];
const plantHere = (extra) => {
  const root = plant(extra);
  planted.push(root);
  return root;
};

afterAll(() => {
  for (const root of planted) rmSync(root, { recursive: true, force: true });
});

describe('the import law', () => {
  it('has a planted violation for every rule', () => {
    expect(Object.keys(PLANTED).sort()).toEqual(config.forbidden.map((rule) => rule.name).sort());
  });

  it('makes every rule an error', () => {
    expect(config.forbidden.filter((rule) => rule.severity !== 'error')).toEqual([]);
  });

  it('lets a lawful tree pass', async () => {
    expect((await violations(plantHere(), config)).broken).toEqual([]);
  });

  it.each(Object.entries(PLANTED))('%s catches its planted violation', async (rule, files) => {
    const { broken } = await violations(plantHere(files), config);
    expect(broken.map((v) => v.rule)).toContain(rule);
  });

  it('holds in this repository', async () => {
    const { broken, modules } = await violations(REPOSITORY, config, ['libs', 'services', 'bench']);
    expect(broken).toEqual([]);
    expect(modules).toBeGreaterThan(50);
  }, 120_000);
});
