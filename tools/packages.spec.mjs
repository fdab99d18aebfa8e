import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingPlatforms, platformOf } from './lock/platforms.mjs';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const json = (path) => JSON.parse(readFileSync(join(REPOSITORY, path), 'utf8'));
const root = json('package.json');

const folders = globSync(
  root.workspaces.map((pattern) => `${pattern}/package.json`),
  { cwd: REPOSITORY },
).map((path) => dirname(path));
const folderOf = new Map(folders.map((folder) => [json(`${folder}/package.json`).name, folder]));
const external = (manifest) =>
  Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
    ([name]) => !folderOf.has(name),
  );

describe('workspaces', () => {
  it.each(folders)('%s builds after exactly the workspaces it depends on', (folder) => {
    const manifest = json(`${folder}/package.json`);
    const dependencies = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
    const wanted = dependencies.filter((name) => folderOf.has(name)).map((name) => folderOf.get(name));
    const references = (json(`${folder}/tsconfig.json`).references ?? []).map((reference) =>
      relative(REPOSITORY, join(REPOSITORY, folder, reference.path)),
    );
    expect(references.sort()).toEqual(wanted.sort());
  });

  it('are all built by the root, and nothing else but their own tests', () => {
    const built = json('tsconfig.json').references.map((reference) => reference.path);
    expect(built).toEqual(expect.arrayContaining(folders));
    expect(built.filter((path) => !folders.includes(path.replace(/\/test$/, '')))).toEqual([]);
  });

  it('share one version, and the workspaces ask for exactly that', () => {
    for (const folder of folders) {
      const manifest = json(`${folder}/package.json`);
      const asked = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
      expect(manifest.version).toBe(root.version);
      expect(asked.filter(([name, version]) => folderOf.has(name) && version !== root.version)).toEqual([]);
    }
  });

  it('pin every npm package exactly, and to one version across the repository', () => {
    const versions = new Map();
    for (const manifest of [root, ...folders.map((folder) => json(`${folder}/package.json`))]) {
      for (const [name, version] of external(manifest)) {
        expect(version).toMatch(/^(npm:[^@]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/);
        versions.set(name, new Set([...(versions.get(name) ?? []), version]));
      }
    }
    expect([...versions].filter(([, found]) => found.size > 1)).toEqual([]);
  });
});

describe('the lock file', () => {
  it('lists the binaries of every platform, or `npm ci` refuses it: run tools/lock/complete.mjs', () => {
    expect(missingPlatforms(json('package-lock.json')).map(([path]) => path)).toEqual([]);
  });

  it.each([
    ['@x/cli-linux-x64-musl', { os: ['linux'], cpu: ['x64'], libc: ['musl'] }],
    ['@x/binding-linux-arm-gnueabihf', { os: ['linux'], cpu: ['arm'], libc: ['glibc'] }],
    ['@x/anvil-win32-amd64', { os: ['win32'], cpu: ['x64'] }],
    ['fsevents', undefined],
  ])('reads the platform of %s', (name, platform) => {
    expect(platformOf(name)).toEqual(platform);
  });

  it('finds what is missing', () => {
    const packages = {
      'node_modules/a': { optionalDependencies: { 'a-darwin-x64': '^1.2.3', 'a-linux-x64': '1.2.3' } },
    };
    packages['node_modules/a-linux-x64'] = {};
    const entry = { version: '1.2.3', os: ['darwin'], cpu: ['x64'], optional: true };
    expect(missingPlatforms({ packages })).toEqual([['node_modules/a-darwin-x64', entry]]);
  });
});

describe('topics', () => {
  const services = globSync('services/*/package.json', { cwd: REPOSITORY }).map((path) => path.split('/')[1]);
  const contracts = join(REPOSITORY, 'libs/contracts/dist/src/index.js');

  it('have an owner among the services, a key and a schema, and a versioned name of their own', async () => {
    expect(existsSync(contracts)).toBe(true);
    const { topics } = await import(contracts);
    const list = Object.values(topics);
    expect(list.length).toBeGreaterThan(0);
    for (const topic of list) {
      expect(topic.name).toMatch(/^[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*\.v\d+$/);
      expect(services).toContain(topic.owner);
      const event = topic.message.create({});
      expect(typeof topic.keyOf(event)).toBe('string');
      expect(topic.message.fromJSON(topic.message.toJSON(event))).toEqual(event);
      expect(topic.partitions).toBeGreaterThan(0);
    }
    expect(new Set(list.map((topic) => topic.name)).size).toBe(list.length);
  });
});
