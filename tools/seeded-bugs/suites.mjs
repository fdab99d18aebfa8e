/** Builds and runs one suite in the copy, and says which tests failed. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TREE } from './tree.mjs';

const RUN_MS_MAX = 240_000;
/** Compilers run beside: a test that is slow for that is no test that fails. */
const TEST_MS_MAX = 90_000;

/** Runs a program of the copy. @returns its exit status and everything it wrote. */
function execute(args, { cwd = TREE, settings = {} } = {}) {
  // Counts of tests are those of the bugs, not of the suites that they ran.
  const { TEST_COUNTS: _, ...env } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd,
      env: { ...env, NO_COLOR: '1', ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: RUN_MS_MAX,
    });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output: Buffer.concat(chunks).toString('utf8') }));
  });
}

/** `forge CONTRACT`: one test contract. */
async function runForge(contract) {
  // Forge replays the failures that it kept; here every run must find its own.
  const kept = join(TREE, '.cache', 'forge', 'cache');
  for (const folder of ['fuzz', 'invariant']) rmSync(join(kept, folder), { recursive: true, force: true });
  const { output } = await execute(['scripts/forge.mjs', 'test', '--match-contract', `^${contract}$`], {
    cwd: join(TREE, 'libs/onchain'),
    // Half the time of a compilation, and the tests say the same.
    settings: { FOUNDRY_PROFILE: 'default', FOUNDRY_OPTIMIZER: 'false' },
  });
  const [, passed, failed] = /^(\d+) passed, (\d+) failed/m.exec(output) ?? [];
  if (passed === undefined) return { broken: output };
  const failures = [...output.matchAll(/^failed {2}(\S+)/gm)].map(([, name]) => name);
  return { passed: Number(passed), failed: Number(failed), failures };
}

/** `jest PROJECT SPEC`: one spec file, after its package was built. */
async function runJest(given) {
  const [project, spec] = given.split(' ');
  const [, folder, rest] = /^((?:libs|services)\/[^/]+)\/(.*)\.ts$/.exec(spec ?? '') ?? [];
  if (!folder || !existsSync(join(TREE, spec))) return { broken: `${spec} is no spec of a package` };
  const build = await execute(['node_modules/typescript-7/bin/tsc', '-b', folder]);
  if (build.status !== 0) return { broken: build.output };
  const scratch = mkdtempSync(join(tmpdir(), 'seeded-bug-'));
  const file = join(scratch, 'result.json');
  try {
    const jest = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];
    const options = [
      '--ci',
      '--runInBand',
      '--selectProjects',
      project,
      '--json',
      `--outputFile=${file}`,
      `--testTimeout=${TEST_MS_MAX}`,
    ];
    const { output } = await execute([...jest, ...options, `${folder}/dist/${rest}.js$`]);
    if (!existsSync(file)) return { broken: output };
    const result = JSON.parse(readFileSync(file, 'utf8'));
    if (result.numRuntimeErrorTestSuites > 0 || result.numTotalTests === 0) return { broken: output };
    const tests = result.testResults.flatMap((suite) => suite.assertionResults);
    const failures = tests.filter((test) => test.status === 'failed').map((test) => test.fullName);
    return { passed: result.numPassedTests, failed: result.numFailedTests, failures };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

const RUNNERS = { forge: runForge, jest: runJest };

/** @returns what passed and failed, or, where the suite could not even start, what it wrote (`broken`). */
export function runSuite(suite) {
  const [, kind, given] = /^(forge|jest) (.+)$/.exec(suite) ?? [];
  if (!kind) return Promise.resolve({ broken: `"${suite}" is neither "forge …" nor "jest …"` });
  return RUNNERS[kind](given);
}
