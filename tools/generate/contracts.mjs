// Regenerates libs/contracts/src/generated from proto/, with one index that exports every message and service.
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const out = join(root, 'libs/contracts/src/generated');
/** ts-proto repeats these in every file. */
const PLUMBING = new Set(['DeepPartial', 'MessageFns', 'protobufFileName', 'protobufPackage']);

rmSync(out, { recursive: true, force: true });
execFileSync(join(root, 'node_modules/.bin/buf'), ['generate'], { cwd: root, stdio: 'inherit' });

const lines = globSync(['inference/*.ts', 'openledger/*/v1/*.ts'], { cwd: out })
  .sort()
  .map((file) => {
    const source = readFileSync(join(out, file), 'utf8');
    const named = (kinds) =>
      [...source.matchAll(new RegExp(`^export (?:${kinds}) (\\w+)`, 'gm'))].map((match) => match[1]);
    const values = new Set(named('const|enum|function'));
    const types = named('interface').filter((name) => !values.has(name));
    const names = [...values, ...types.map((name) => `type ${name}`)];
    const exported = names.filter((name) => !PLUMBING.has(name.replace('type ', ''))).sort();
    return `export { ${exported.join(', ')} } from './${file.replace('.ts', '.js')}';`;
  });
writeFileSync(join(out, 'index.ts'), `${lines.join('\n')}\n`);
