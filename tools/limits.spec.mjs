import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import { house } from '../eslint.config.mjs';
import { LAWFUL_LINT, PLANTED_LINT, PLANTED_SYNTAX } from './boundaries/planted-lint.mjs';

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const files = {
  ...LAWFUL_LINT,
  ...Object.fromEntries([...Object.values(PLANTED_LINT), ...Object.values(PLANTED_SYNTAX)]),
};
const compilerOptions = {
  module: 'nodenext',
  target: 'es2024',
  lib: ['es2024'],
  strict: true,
  noUncheckedIndexedAccess: true,
  noEmit: true,
  types: ['node'],
};

let root;
/** Path in the planted tree → the rules it breaks. */
let broken;

beforeAll(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'limits-')));
  symlinkSync(join(REPOSITORY, 'node_modules'), join(root, 'node_modules'));
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  writeFileSync(
    join(root, 'tsconfig.lint.json'),
    JSON.stringify({ compilerOptions, include: ['libs', 'services'] }),
  );
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`);
  }
  const eslint = new ESLint({ cwd: root, overrideConfigFile: true, overrideConfig: house(root) });
  const results = await eslint.lintFiles(['libs', 'services']);
  broken = new Map(
    results.map((r) => [relative(root, r.filePath), r.messages.map((m) => m.ruleId ?? m.message)]),
  );
}, 120_000);

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The rules of the house as they are configured, not as this test remembers them. */
function configuredRules() {
  const names = house(root).flatMap((part) => Object.entries(part.rules ?? {}));
  return [...new Set(names.filter(([, setting]) => setting !== 'off').map(([name]) => name))].sort();
}

describe('lint rules and limits', () => {
  it('has a planted violation for every rule', () => {
    expect([...Object.keys(PLANTED_LINT), 'no-restricted-syntax'].sort()).toEqual(configuredRules());
  });

  it.each(Object.entries(PLANTED_LINT))('%s catches its planted violation', (rule, [path]) => {
    expect(broken.get(path)).toEqual([rule]);
  });

  it.each(Object.entries(PLANTED_SYNTAX))('refuses %s', (_, [path]) => {
    expect(broken.get(path)).toEqual(['no-restricted-syntax']);
  });

  it.each(Object.keys(LAWFUL_LINT))('lets %s pass', (path) => {
    expect(broken.get(path)).toEqual([]);
  });
});
