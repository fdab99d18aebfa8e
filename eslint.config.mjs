import tseslint from 'typescript-eslint';

/**
 * Correctness that needs types, and the limits of the house. Formatting and plain lint are Biome's.
 * `tools/limits.spec.mjs` plants a violation of every rule that is written here.
 */

const SPECS = ['**/*.spec.ts', '**/*.spec.mjs'];
/** Process entries; nothing else may touch the process. */
const ENTRIES = [
  'services/*/src/main.ts',
  '**/*-worker.ts',
  '**/*-process.ts',
  'bench/**',
  '**/scripts/**',
  'libs/testing/**',
];

/** They start other programs, so they need the platform, the user and process ids. */
const HOSTS = [
  'libs/persistence/src/embedded/**',
  'libs/onchain/src/anvil*.ts',
  'services/all-in-one/src/**',
];
const SOURCES = ['{libs,services}/*/src/**/*.ts'];

/** Limits of CONTRIBUTING.md; blank lines and comments count, because the reader scrolls past them. */
const limits = {
  'max-lines': ['error', { max: 300 }],
  'max-lines-per-function': ['error', { max: 70 }],
  'max-params': ['error', { max: 4 }],
  'max-depth': ['error', { max: 4 }],
};

const mutableState = [
  'Program > VariableDeclaration[kind=/let|var/]',
  'Program > ExportNamedDeclaration > VariableDeclaration[kind=/let|var/]',
].map((selector) => ({ selector, message: 'All services share one process: keep state in an object.' }));

const defaultExport = {
  selector: 'ExportDefaultDeclaration',
  message: 'Name what you export; a default export is renamed at every import.',
};

/** Nothing in a domain reads the clock or randomness; both come in as arguments. */
const variation = [
  "CallExpression[callee.object.name='Date'][callee.property.name='now']",
  "NewExpression[callee.name='Date'][arguments.length=0]",
  "CallExpression[callee.object.name='Math'][callee.property.name='random']",
  "CallExpression[callee.object.name='performance'][callee.property.name='now']",
  "MemberExpression[object.name='crypto']",
].map((selector) => ({
  selector,
  message: 'A domain is pure: take the clock or the randomness as an argument.',
}));

const houseSyntax = { 'no-restricted-syntax': ['error', defaultExport, ...mutableState] };
const domainSyntax = { 'no-restricted-syntax': ['error', defaultExport, ...mutableState, ...variation] };

/** The process belongs to the entries: all services share one environment, one exit and one set of signals. */
const processRules = {
  'no-restricted-globals': [
    'error',
    { name: 'process', message: 'Only main.ts touches the process; take what you need as an argument.' },
  ],
};

const typedRules = {
  '@typescript-eslint/await-thenable': 'error',
  '@typescript-eslint/no-explicit-any': 'error',
  '@typescript-eslint/no-floating-promises': 'error',
  '@typescript-eslint/no-misused-promises': [
    'error',
    { checksVoidReturn: { arguments: false, attributes: false } },
  ],
  '@typescript-eslint/no-non-null-assertion': 'error',
  '@typescript-eslint/no-for-in-array': 'error',
  '@typescript-eslint/no-array-delete': 'error',
  '@typescript-eslint/no-implied-eval': 'error',
  '@typescript-eslint/no-unnecessary-type-assertion': 'error',
  '@typescript-eslint/only-throw-error': 'error',
  '@typescript-eslint/prefer-promise-reject-errors': 'error',
  '@typescript-eslint/restrict-plus-operands': 'error',
  '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
  '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
};

/** The rules for a tree of this layout at `root`, which holds a `tsconfig.lint.json`. */
export const house = (root) => [
  {
    ignores: [
      '**/dist/**',
      '**/node_modules/**',
      '**/generated/**',
      '**/*.generated.*',
      '**/fixtures/**',
      'bench/peers/**',
      'coverage/**',
      '.*/**',
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  { files: ['**/*.{ts,mjs,cjs}'], rules: limits },
  {
    files: ['**/*.ts'],
    languageOptions: {
      parser: tseslint.parser,
      // One program for the whole tree: `projectService` opens one for each of 23 projects and is 10 times slower.
      parserOptions: { project: 'tsconfig.lint.json', tsconfigRootDir: root },
    },
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: typedRules,
  },
  { files: SOURCES, ignores: [...SPECS, ...ENTRIES], rules: houseSyntax },
  { files: SOURCES, ignores: [...SPECS, ...ENTRIES, ...HOSTS], rules: processRules },
  { files: ['services/*/src/domain/**/*.ts'], ignores: SPECS, rules: domainSyntax },
  { files: SPECS, rules: { 'max-lines': ['error', { max: 500 }], 'max-lines-per-function': 'off' } },
  {
    files: ['**/test/**/*.ts', 'libs/testing/**/*.ts'],
    rules: { 'max-lines': ['error', { max: 500 }], 'max-lines-per-function': 'off' },
  },
];

export default house(import.meta.dirname);
