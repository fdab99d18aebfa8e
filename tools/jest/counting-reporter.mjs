import { appendFileSync } from 'node:fs';

/**
 * Appends one line of counts a run to the file that TEST_COUNTS names, so that whoever calls a chain
 * of npm scripts can add up what they ran. Jest loads reporters by default export.
 */
export default class CountingReporter {
  onRunComplete(_contexts, results) {
    const file = process.env.TEST_COUNTS;
    if (file === undefined) return;
    const passed = results.numPassedTests;
    // A suite that could not run at all has no failed test of its own.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    appendFileSync(file, `${passed} ${failed} ${skipped}\n`);
  }
}
