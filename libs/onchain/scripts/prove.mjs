/**
 * `node scripts/prove.mjs [FILE…]`: has solc's SMTChecker and z3 (which must be on the PATH) prove every `assert` of
 * the contracts in `proofs`, for all inputs and any number of calls. Ends non-zero if one is violated or not proved.
 * https://docs.soliditylang.org/en/latest/smtchecker.html
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const QUERY_MS_MAX = 120_000;
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** What solc itself gives z3 for Horn clauses: its Spacer engine without the options that make it wander. */
const Z3_OPTIONS = [
  '-smt2',
  '-in',
  'rewriter.pull_cheap_ite=true',
  'fp.spacer.q3.use_qgen=true',
  'fp.spacer.mbqi=false',
  'fp.spacer.ground_pobs=false',
];

const solc = createRequire(import.meta.url)('solc');
const folder = fileURLToPath(new URL('../proofs', import.meta.url));

function askZ3(query) {
  const asked = { input: query, encoding: 'utf8', timeout: QUERY_MS_MAX, maxBuffer: ANSWER_BYTES_MAX };
  const { stdout, error } = spawnSync('z3', Z3_OPTIONS, asked);
  // z3 exits 1 after "unsat" when it is asked for a model too; only a missing answer is a failure.
  if (error?.code === 'ENOENT') throw new Error('z3 is not installed: apt-get install z3');
  return /^(sat|unsat|unknown)/.test(stdout ?? '')
    ? { contents: stdout }
    : { error: String(error ?? stdout) };
}

function prove(file) {
  const content = readFileSync(join(folder, file), 'utf8');
  const input = {
    language: 'Solidity',
    sources: { [file]: { content } },
    settings: {
      modelChecker: {
        engine: 'chc',
        targets: ['assert'],
        solvers: ['smtlib2'],
        showProvedSafe: true,
        showUnproved: true,
        timeout: QUERY_MS_MAX,
      },
      outputSelection: { '*': { '*': ['abi'] } },
    },
  };
  const { errors = [] } = JSON.parse(solc.compile(JSON.stringify(input), { smtSolver: askZ3 }));
  const lineOf = (index) => content.slice(0, index).split('\n').length;
  const proved = new Set();
  const faults = new Map();
  for (const { message, severity, sourceLocation } of errors) {
    const line = lineOf(sourceLocation?.start ?? 0);
    if (/Assertion violation check is safe/.test(message)) proved.add(line);
    else if (severity === 'error' || /Assertion violation/.test(message)) faults.set(line, message);
  }
  // An assertion about which the checker says nothing is not proved either.
  for (const { index } of content.matchAll(/(?<=^ +)assert\(/gm)) {
    const line = lineOf(index);
    if (proved.has(line) && !faults.has(line)) console.log(`proved  ${file}:${line}`);
    else if (!faults.has(line)) faults.set(line, 'not proved');
  }
  if (faults.size > 0) console.log(errors.map(({ formattedMessage }) => formattedMessage).join('\n'));
  for (const [line, message] of faults) console.log(`failed  ${file}:${line}: ${message}`);
  return { proved: [...proved].filter((line) => !faults.has(line)).length, faults: faults.size };
}

const given = process.argv.slice(2);
const files = readdirSync(folder).filter((name) => given.length === 0 || given.includes(name));
const results = files.map(prove);
const sum = (of) => results.map(of).reduce((a, b) => a + b, 0);
const [proved, failed] = [sum((result) => result.proved), sum((result) => result.faults)];
console.log(`${proved} assertions proved, ${failed} faults`);
if (process.env.TEST_COUNTS) appendFileSync(process.env.TEST_COUNTS, `${proved} ${failed} 0\n`);
process.exit(failed > 0 || proved === 0 ? 1 : 0);
