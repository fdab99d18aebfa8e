import { mkdirSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cruise } from 'dependency-cruiser';
import { LIBRARIES, lawfulTree, NPM_PACKAGES, SERVICES } from './planted.mjs';

function write(root, files) {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

/** A lawful tree on disk, with `extra` files over it; the caller removes it. */
export function plant(extra = {}) {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'boundaries-')));
  write(root, { ...lawfulTree(), ...extra });
  for (const name of NPM_PACKAGES) {
    const manifest = JSON.stringify({ name, version: '1.0.0', main: 'index.js' });
    write(root, {
      [`node_modules/${name}/package.json`]: manifest,
      [`node_modules/${name}/index.js`]: 'exports.x = 1;\n',
    });
  }
  mkdirSync(join(root, 'node_modules/@openledger'), { recursive: true });
  for (const name of LIBRARIES)
    symlinkSync(join(root, 'libs', name), join(root, 'node_modules/@openledger', name));
  for (const name of SERVICES) {
    symlinkSync(join(root, 'services', name), join(root, 'node_modules/@openledger', name));
  }
  return root;
}

/** Every broken rule below `root`, as `rule: from → to`. */
export async function violations(root, config, folders = ['libs', 'services']) {
  const { forbidden, options } = config;
  const result = await cruise(folders, { ...options, baseDir: root, ruleSet: { forbidden }, validate: true });
  return {
    modules: result.output.summary.totalCruised,
    broken: result.output.summary.violations.map((v) => ({ rule: v.rule.name, from: v.from, to: v.to })),
  };
}
