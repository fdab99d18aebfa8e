import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * `node tools/image/check.mjs [NAME…]`: the runtime stage of the Dockerfile without Docker. Installs what an
 * image of each service would hold and starts it with no configuration: it must get as far as
 * saying what is missing, which it cannot when a package or a file is absent.
 */
const REACHED = 'Bad configuration';
const LIMIT_MS = 300_000;
const COPIED = ['package.json', 'package-lock.json', '.npmrc', 'tools/image/prune.mjs'];
const named = process.argv.slice(2);
const services = named.length > 0 ? named : globSync('services/*').map((path) => path.split('/')[1]);

// A container has no environment but what its image and its chart give it.
const env = { PATH: process.env.PATH, HOME: process.env.HOME };

function check(service) {
  const root = mkdtempSync(join(tmpdir(), 'openledger-image-'));
  const run = (command, ...args) =>
    spawnSync(command, args, { cwd: root, encoding: 'utf8', timeout: LIMIT_MS, env });
  try {
    for (const path of [
      ...COPIED,
      ...globSync('{libs,services}/*/{dist,package.json}'),
      ...globSync('{bench,tools/*}/package.json'),
    ]) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      cpSync(path, join(root, path), { recursive: true });
    }
    const install = run('npm', 'ci', '--omit=dev', '--prefer-offline', `--workspace=services/${service}`);
    if (install.status !== 0) return install.stderr;
    const prune = run('node', 'tools/image/prune.mjs', `services/${service}`);
    if (prune.status !== 0) return prune.stderr;
    const start = run('node', `services/${service}/dist/src/main.js`);
    return start.stderr.includes(REACHED)
      ? undefined
      : start.stderr || `ended with ${start.status} and said nothing`;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

for (const service of services.filter((name) => name !== 'all-in-one')) {
  const problem = check(service);
  if (problem !== undefined) process.exitCode = 1;
  console.log(`${service}: ${problem ?? 'starts'}`);
}
