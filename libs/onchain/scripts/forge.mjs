/**
 * `node scripts/forge.mjs test [options of forge test]`: the tests in `test-forge` by the forge and the solc
 * that npm installed; nothing is downloaded. In CI (FOUNDRY_PROFILE=ci) a run without a filter must also make
 * {@link CALLS_MIN} invariant calls. The counts go to the file that TEST_COUNTS names, as Jest's do.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CALLS_MIN = 1_000_000;
const OUTPUT_BYTES_MAX = 256 * 1024 * 1024;
const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' };

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

function forgeBinary() {
  const name = `@foundry-rs/forge-${process.platform}-${ARCHITECTURES[process.arch]}`;
  const fromForge = createRequire(require.resolve('@foundry-rs/forge/package.json'));
  return join(dirname(fromForge.resolve(`${name}/package.json`)), 'bin', 'forge');
}

/** One line a test; returns what was counted. */
function report(suites) {
  const counts = { passed: 0, failed: 0, skipped: 0, invariantCalls: 0 };
  for (const [suite, { test_results: tests }] of Object.entries(suites)) {
    const name = suite.slice(suite.lastIndexOf(':') + 1);
    for (const [test, result] of Object.entries(tests)) {
      const outcome = { Success: 'passed', Failure: 'failed' }[result.status] ?? 'skipped';
      counts[outcome] += 1;
      const { Fuzz: fuzz, Invariant: invariant } = result.kind;
      counts.invariantCalls += invariant?.calls ?? 0;
      const effort = invariant ? `${invariant.calls} calls, ${invariant.reverts} reverted` : '';
      const detail = fuzz ? `${fuzz.runs} runs` : effort;
      console.log(`${outcome}  ${name}.${test}${detail && `  (${detail})`}`);
      if (outcome !== 'failed') continue;
      console.log(`        ${result.reason ?? 'no reason given'}`);
      if (result.counterexample) console.log(`        ${JSON.stringify(result.counterexample)}`);
    }
  }
  return counts;
}

const given = process.argv.slice(2);
const options = {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: OUTPUT_BYTES_MAX,
  stdio: ['ignore', 'pipe', 'inherit'],
  env: {
    ...process.env,
    FOUNDRY_SOLC: join(root, 'scripts', 'solc.cjs'),
    DAPP_REMAPPINGS: `@openzeppelin/=${dirname(dirname(require.resolve('@openzeppelin/contracts/package.json')))}/`,
    PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
  },
};
const isPlain = given[0] !== 'test' || given.some((option) => /^-v+$|^--(gas-report|list)$/.test(option));
if (isPlain) {
  process.exit(spawnSync(forgeBinary(), given, { ...options, stdio: 'inherit' }).status ?? 1);
}
const run = spawnSync(forgeBinary(), [...given, '--json'], options);
if (run.error) throw run.error;
const json = run.stdout.split('\n').findLast((line) => line.startsWith('{'));
if (!json) {
  console.error(run.stdout);
  process.exit(run.status || 1);
}
const counts = report(JSON.parse(json));
const isWhole = process.env.FOUNDRY_PROFILE === 'ci' && given.length === 1;
if (isWhole && counts.invariantCalls < CALLS_MIN) {
  console.log(`failed  ${counts.invariantCalls} invariant calls are fewer than ${CALLS_MIN}`);
  counts.failed += 1;
}
const { passed, failed, skipped, invariantCalls } = counts;
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped; ${invariantCalls} invariant calls`);
if (process.env.TEST_COUNTS) appendFileSync(process.env.TEST_COUNTS, `${passed} ${failed} ${skipped}\n`);
process.exit(failed + skipped > 0 ? 1 : run.status);
