/**
 * Tests run on the compiled output, so what is tested is what ships and no transform is needed.
 * `npm run build` first; `npm test` does.
 */
const shared = {
  transform: {},
  testEnvironment: '<rootDir>/tools/jest/environment.mjs',
  modulePathIgnorePatterns: ['<rootDir>/.openledger', '<rootDir>/.cache'],
};
/** One server a run; `testDatabase` gives every spec file a database of its own. */
const postgres = {
  globalSetup: '<rootDir>/tools/jest/start-postgres.mjs',
  globalTeardown: '<rootDir>/tools/jest/stop-postgres.mjs',
};
const anywhere = (suffix) => [`<rootDir>/{libs,services,bench,tools}/**/dist/**/*${suffix}.spec.js`];

export default {
  testTimeout: 30_000,
  maxWorkers: 2,
  reporters: ['default', '<rootDir>/tools/jest/counting-reporter.mjs'],
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: anywhere(''),
      testPathIgnorePatterns: ['\\.(int|e2e|kafka|data)\\.spec\\.js$'],
    },
    { ...shared, displayName: 'architecture', testMatch: ['<rootDir>/tools/*.spec.mjs'] },
    // Builds helm and kubeconform with Go, so only .ci/run calls it.
    { ...shared, displayName: 'charts', testMatch: ['<rootDir>/tools/charts/*.spec.mjs'] },
    { ...shared, ...postgres, displayName: 'int', testMatch: anywhere('.int') },
    { ...shared, displayName: 'kafka', testMatch: anywhere('.kafka') },
    { ...shared, displayName: 'e2e', testMatch: anywhere('.e2e') },
    // Real input that is not in the repository; .ci/run calls it where the data is.
    { ...shared, ...postgres, displayName: 'data', testMatch: anywhere('.data') },
  ],
};
