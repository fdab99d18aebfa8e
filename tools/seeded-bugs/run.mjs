/**
 * `node tools/seeded-bugs/run.mjs [WORD…]`: plants known bugs, one at a time, in a copy of the repository, and
 * demands that the suite that each names fails by a test, and passes without the bug. With words, only the bugs
 * whose names contain one. Ends non-zero if a bug survives or its patch no longer applies.
 *
 * A bug is a patch against the root of the repository, `contracts/NAME.patch` or `ledger/NAME.patch`, below a header:
 *
 *     Bug: what is wrong, in one sentence.
 *     Suite: forge RewardsDistributorTest
 *
 * The suite is `forge CONTRACT`, a contract of `libs/onchain/test-forge`, or `jest PROJECT SPEC`, the source of one
 * spec file: `jest int services/settlement/test/ledger.int.spec.ts`. A bug compiles and changes no test.
 */
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runSuite } from './suites.mjs';
import { applyPatch, holdTree, refreshTree } from './tree.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** They touch different files and programs, so they run side by side. */
const LANES = ['contracts', 'ledger'];
const EXCERPT_CHARS = 2_000;

function readBug(lane, file) {
  const path = join(HERE, lane, file);
  const text = readFileSync(path, 'utf8');
  const header = text.slice(0, text.indexOf('\n--- '));
  const field = (name) => new RegExp(`^${name}: (.+)$`, 'm').exec(header)?.[1];
  const touched = [...text.matchAll(/^\+\+\+ b\/(.+)$/gm)].map(([, name]) => name);
  const name = `${lane}/${file.slice(0, -'.patch'.length)}`;
  return { name, path, bug: field('Bug'), suite: field('Suite'), touched };
}

function formatFault({ name, bug, suite, touched }) {
  if (!bug || !suite) return `${name}: the header must have the lines "Bug: …" and "Suite: …"`;
  const tests = touched.filter((path) => /\.spec\.|\/test(-forge)?\//.test(path));
  if (touched.length === 0) return `${name}: the patch changes nothing`;
  return tests.length > 0 ? `${name}: a bug is never in a test: ${tests.join(', ')}` : undefined;
}

/** @returns why the bug counts as not caught, or the test that caught it. */
async function tryBug({ path, suite }) {
  const refusal = applyPatch(path);
  if (refusal) return { fault: `the patch no longer applies: ${refusal}` };
  const { broken, failed, failures } = await runSuite(suite);
  const stuck = applyPatch(path, { reverse: true });
  if (stuck) throw new Error(`${path} cannot be taken out again: ${stuck}`);
  if (broken) return { fault: `no test ran: ${broken.slice(-EXCERPT_CHARS)}` };
  return failed > 0 ? { caughtBy: failures[0] } : { fault: 'it survived: no test failed' };
}

/** A suite that fails without a bug would "catch" anything. */
async function cleanFault(suite) {
  const { broken, failed, passed, failures } = await runSuite(suite);
  if (broken) return `${suite} does not run without a bug: ${broken.slice(-EXCERPT_CHARS)}`;
  if (failed > 0) return `${suite} fails without a bug: ${failures.join(', ')}`;
  return passed === 0 ? `${suite} has no tests` : undefined;
}

async function runLane(bugs) {
  const rows = [];
  const faultOfSuite = new Map();
  for (const bug of bugs) {
    const began = performance.now();
    let outcome = { fault: formatFault(bug) };
    if (!outcome.fault) {
      if (!faultOfSuite.has(bug.suite)) faultOfSuite.set(bug.suite, await cleanFault(bug.suite));
      const fault = faultOfSuite.get(bug.suite);
      outcome = fault ? { fault } : await tryBug(bug);
    }
    const seconds = Math.round((performance.now() - began) / 1000);
    console.log(`${outcome.fault ? 'SURVIVED' : 'caught  '}  ${bug.name}  (${seconds} s)`);
    rows.push({ ...bug, ...outcome });
  }
  return rows;
}

const words = process.argv.slice(2);
const isWanted = ({ name }) => words.length === 0 || words.some((word) => name.includes(word));
const lanes = LANES.map((lane) =>
  readdirSync(join(HERE, lane))
    .filter((file) => file.endsWith('.patch'))
    .sort()
    .map((file) => readBug(lane, file))
    .filter(isWanted),
);
holdTree();
refreshTree();
const rows = (await Promise.all(lanes.map(runLane))).flat();
const width = Math.max(...rows.map(({ name }) => name.length));
console.log('');
for (const { name, bug, caughtBy } of rows) {
  console.log(`${name.padEnd(width)}  ${bug}\n${' '.repeat(width)}  → ${caughtBy ?? 'NOT CAUGHT'}`);
}
for (const { name, fault } of rows) if (fault) console.log(`\n${name}: ${fault}`);
const survived = rows.filter(({ fault }) => fault).length;
const caught = rows.length - survived;
console.log(`${caught} passed, ${survived} failed`);
if (process.env.TEST_COUNTS) appendFileSync(process.env.TEST_COUNTS, `${caught} ${survived} 0\n`);
process.exit(survived > 0 || rows.length === 0 ? 1 : 0);
