/** A copy of the tracked files that bugs are put into, so that the checkout is never touched. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
export const TREE = join(REPOSITORY, '.cache', 'seeded-bugs');

/**
 * Two runs in one copy would take each other's bugs for their own.
 *
 * @throws Error when a run that still lives holds the copy
 */
export function holdTree() {
  mkdirSync(TREE, { recursive: true });
  const holderFile = join(TREE, '.holder');
  const holder = existsSync(holderFile) ? Number(readFileSync(holderFile, 'utf8')) : 0;
  if (holder > 0 && isAlive(holder))
    throw new Error(`process ${holder} is planting bugs in ${TREE}: wait for it`);
  writeFileSync(holderFile, String(process.pid));
  process.on('exit', () => rmSync(holderFile, { force: true }));
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Brings the copy to the state of the checkout; outputs of earlier builds stay, so builds are incremental. */
export function refreshTree() {
  const listed = execFileSync('git', ['ls-files', '-z'], { cwd: REPOSITORY, encoding: 'utf8' });
  const wanted = listed
    .split('\0')
    .filter((path) => path !== '' && !path.startsWith('models/') && existsSync(join(REPOSITORY, path)));
  const listFile = join(TREE, '.files');
  const before = existsSync(listFile) ? readFileSync(listFile, 'utf8').split('\n') : [];
  const kept = new Set(wanted);
  for (const path of before) if (!kept.has(path)) rmSync(join(TREE, path), { force: true });
  for (const path of wanted) copyIfOther(path);
  writeFileSync(listFile, wanted.join('\n'));
  linkModules(wanted);
}

/** Unchanged files keep their times: the compiler then knows that they are unchanged. */
function copyIfOther(path) {
  const from = join(REPOSITORY, path);
  const to = join(TREE, path);
  if (lstatSync(from).isSymbolicLink()) return;
  const content = readFileSync(from);
  if (existsSync(to) && content.equals(readFileSync(to))) return;
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, content, { mode: lstatSync(from).mode });
}

/** Packages of others are linked to the installed ones, our own to the copy: a bug in a library must be met. */
function linkModules(wanted) {
  const modules = join(TREE, 'node_modules');
  const installed = join(REPOSITORY, 'node_modules');
  rmSync(modules, { recursive: true, force: true });
  mkdirSync(join(modules, '@openledger'), { recursive: true });
  for (const name of readdirSync(installed)) {
    if (name !== '@openledger') symlinkSync(join(installed, name), join(modules, name));
  }
  for (const path of wanted) {
    const [, folder] = /^((?:libs|services|tools)\/[^/]+|bench)\/package\.json$/.exec(path) ?? [];
    if (!folder) continue;
    const { name } = JSON.parse(readFileSync(join(TREE, path), 'utf8'));
    if (name.startsWith('@openledger/')) symlinkSync(join(TREE, folder), join(modules, name));
  }
}

/** `reverse` takes the patch out again. @returns what git says against it, or undefined. */
export function applyPatch(file, { reverse = false } = {}) {
  // Outside of any repository `git apply` is only a patch tool; inside it would skip ignored folders.
  const ceiling = { ...process.env, GIT_CEILING_DIRECTORIES: dirname(TREE) };
  const options = ['apply', '--whitespace=nowarn', ...(reverse ? ['--reverse'] : []), file];
  const { status, stderr } = spawnSync('git', options, { cwd: TREE, env: ceiling, encoding: 'utf8' });
  return status === 0 ? undefined : stderr.trim();
}
