/**
 * Compiles `contracts/*.sol` with the pinned solc and writes one TypeScript module a contract into
 * `src/generated`. `--check` writes nothing and fails when a checked-in module differs.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const solc = require('solc');
const root = fileURLToPath(new URL('..', import.meta.url));
const sourceFolder = join(root, 'contracts');
const targetFolder = join(root, 'src', 'generated');
const check = process.argv.includes('--check');

const sourceFiles = readdirSync(sourceFolder)
  .filter((name) => name.endsWith('.sol'))
  .sort();
const input = {
  language: 'Solidity',
  sources: Object.fromEntries(
    sourceFiles.map((name) => [
      `contracts/${name}`,
      { content: readFileSync(join(sourceFolder, name), 'utf8') },
    ]),
  ),
  settings: {
    evmVersion: 'cancun',
    optimizer: { enabled: true, runs: 200 },
    // No metadata hash in the bytecode: the same source gives the same bytes wherever it is checked out.
    metadata: { appendCBOR: false, bytecodeHash: 'none' },
    outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
  },
};

const findImport = (path) => {
  try {
    return { contents: readFileSync(require.resolve(path), 'utf8') };
  } catch (error) {
    return { error: String(error) };
  }
};

const output = JSON.parse(solc.compile(JSON.stringify(input), { import: findImport }));
const problems = (output.errors ?? []).filter(
  // Warnings inside the pinned OpenZeppelin sources are theirs; our own sources must have none.
  (entry) => entry.severity === 'error' || entry.sourceLocation?.file.startsWith('contracts/'),
);
if (problems.length > 0) {
  for (const problem of problems) console.error(problem.formattedMessage);
  process.exit(1);
}

mkdirSync(targetFolder, { recursive: true });
const kebab = (name) => name.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
let drifted = 0;
for (const file of sourceFiles) {
  const name = basename(file, '.sol');
  const { abi, evm } = output.contracts[`contracts/${file}`][name];
  const variable = `${name[0].toLowerCase()}${name.slice(1)}Artifact`;
  const text = [
    `// Generated from contracts/${file} by scripts/compile.mjs with solc ${solc.version()}. Do not edit.`,
    `export const ${variable} = {`,
    `  contractName: '${name}',`,
    `  abi: ${JSON.stringify(abi)},`,
    `  bytecode: '0x${evm.bytecode.object}',`,
    `} as const;`,
    '',
  ].join('\n');
  const target = join(targetFolder, `${kebab(name)}.ts`);
  if (!check) {
    writeFileSync(target, text);
    continue;
  }
  let current = '';
  try {
    current = readFileSync(target, 'utf8');
  } catch {
    // A missing file is drift too.
  }
  if (current !== text) {
    console.error(`${target} is out of date: run "npm run compile -w @openledger/onchain" and commit it`);
    drifted += 1;
  }
}
process.exit(drifted === 0 ? 0 : 1);
