/**
 * The import law. Every rule has a planted violation in tools/boundaries.spec.mjs that must fail by
 * the rule's name. Build first: packages see one another through `exports`, which point into dist.
 */

/** What each library may import of the others. Order: lower ones first. */
const LIBRARY_LAYERS = {
  kernel: [],
  contracts: ['kernel'],
  config: ['kernel'],
  'blob-store': ['kernel'],
  persistence: ['kernel', 'contracts', 'config'],
  'event-log': ['kernel', 'contracts', 'config', 'persistence'],
  auth: ['kernel', 'contracts', 'config'],
  'service-host': ['kernel', 'contracts', 'config', 'persistence', 'event-log', 'blob-store', 'auth'],
  'onnx-graph': ['kernel'],
  transformer: ['kernel', 'onnx-graph'],
  adapters: ['kernel', 'onnx-graph', 'transformer'],
  onchain: ['kernel', 'config'],
  'worker-thread': ['kernel'],
};

/** Libraries that compute and neither read nor write anything. */
const DOMAIN_LIBRARIES = ['kernel', 'onnx-graph'];
const APPLICATION_LIBRARIES = ['kernel', 'contracts', 'onnx-graph', 'transformer', 'adapters'];

const SPEC = '\\.spec\\.ts$';
const TEST_CODE = [SPEC, '^(libs|services)/[^/]+/test/', '^libs/testing/', '^bench/'];
const COMPOSITION = '^services/[^/]+/src/[^/]+\\.ts$';

/** A package of another author, wherever npm has put it. */
const npm = (...names) => `node_modules/(${names.join('|')})(/|$)`;
const libraries = (names) => `^libs/(${names.join('|')})/`;

/** One forbidden direction. */
const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

/** An npm package that only the listed places may import. */
const confined = (name, packages, allowedFrom) =>
  forbid(
    name,
    `${packages.join(', ')} stay where they are wrapped`,
    { pathNot: allowedFrom },
    { path: npm(...packages) },
  );

const libraryRules = Object.entries(LIBRARY_LAYERS).map(([library, lower]) =>
  forbid(
    `library-layers-${library}`,
    `${library} may import ${lower.join(', ') || 'no other library'}`,
    { path: `^libs/${library}/`, pathNot: TEST_CODE },
    { path: '^libs/', pathNot: libraries([library, ...lower]) },
  ),
);

const serviceRules = [
  forbid(
    'services-never-import-services',
    'services meet by events and gRPC; all-in-one alone composes them',
    { path: '^services/([^/]+)/', pathNot: '^services/all-in-one/' },
    { path: '^services/', pathNot: '^services/$1/' },
  ),
  forbid(
    'domain-is-pure',
    'rules of the product depend on nothing that can fail or vary',
    { path: '^services/([^/]+)/src/domain/', pathNot: SPEC },
    { pathNot: ['^services/$1/src/domain/', libraries(DOMAIN_LIBRARIES)] },
  ),
  forbid(
    'application-knows-no-technology',
    'a use case sees its domain, its ports and the contracts',
    { path: '^services/([^/]+)/src/application/', pathNot: SPEC },
    {
      pathNot: [
        '^services/$1/src/(domain|application)/',
        libraries(APPLICATION_LIBRARIES),
        npm('@nestjs/common'),
      ],
    },
  ),
  forbid(
    'inbound-not-to-outbound',
    'inbound calls one use case; what the use case needs comes by its ports',
    { path: '^services/([^/]+)/src/inbound/', pathNot: SPEC },
    { path: '^services/$1/src/outbound/' },
  ),
  forbid(
    'outbound-not-to-inbound',
    'outbound implements ports and knows no caller',
    { path: '^services/([^/]+)/src/outbound/', pathNot: SPEC },
    { path: '^services/$1/src/inbound/' },
  ),
  forbid(
    'layers-not-to-composition',
    'the composition root knows the layers, never the reverse; types of config excepted',
    { path: '^services/([^/]+)/src/(domain|application|inbound|outbound)/', pathNot: SPEC },
    { path: '^services/$1/src/[^/]+$', pathNot: '/config\\.ts$' },
  ),
  forbid(
    'unit-specs-import-no-nest',
    'a unit test needs nothing but the code; with Nest it is an .int.spec.ts',
    { path: '/src/.*\\.spec\\.ts$', pathNot: '\\.(int|kafka|e2e)\\.spec\\.ts$' },
    { path: npm('@nestjs/[^/]+') },
  ),
];

const packageRules = [
  forbid('no-cycles', 'a cycle is one idea in two files', {}, { circular: true }),
  forbid(
    'resolvable',
    'a name nobody can resolve, a missing build, or a deep import past `exports`',
    {},
    { couldNotResolve: true },
  ),
  forbid(
    'declared-packages',
    'import only what the own package.json lists; tests and scripts also use the tools of the root',
    { pathNot: [...TEST_CODE, '^libs/[^/]+/scripts/'] },
    { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
  ),
  forbid(
    'no-relative-import-across-packages',
    'packages meet at `exports`, not at paths',
    { path: '^(libs/[^/]+|services/[^/]+|bench)/' },
    { path: '^(libs|services|bench|tools)/', pathNot: '^$1/', dependencyTypes: ['local'] },
  ),
  forbid(
    'libraries-never-import-services',
    'services stand on libraries',
    { path: '^libs/' },
    { path: '^services/' },
  ),
  forbid(
    'testing-only-in-tests',
    'the testing library is not shipped',
    { pathNot: TEST_CODE },
    { path: '^libs/testing/' },
  ),
  forbid(
    'no-development-package-in-production',
    'the image installs without devDependencies',
    { pathNot: TEST_CODE },
    { dependencyTypes: ['npm-dev'], pathNot: ['^libs/testing/', 'node_modules/@types/'] },
  ),
  forbid('not-to-specs', 'a spec is nobody’s dependency', {}, { path: '\\.spec\\.(ts|js)$' }),
  forbid(
    'event-log-adapters-only-in-composition',
    'everything else sees the EventLog port; EVENT_LOG chooses the adapter once',
    { pathNot: ['^libs/(event-log|service-host)/', COMPOSITION, '^services/all-in-one/', ...TEST_CODE] },
    { path: '^libs/event-log/(src|dist/src)/(kafka|postgres|memory)/' },
  ),
];

const confinedPackages = [
  confined('kafkajs-only-in-its-adapter', ['kafkajs'], ['^libs/event-log/src/kafka/']),
  confined(
    'onnxruntime-only-in-transformer',
    ['onnxruntime-node', 'onnxruntime-common'],
    ['^libs/transformer/', '^libs/onnx-graph/(test/|src/.*\\.spec\\.ts$)', '^bench/'],
  ),
  forbid(
    'threads-end-by-themselves',
    'a thread that is terminated inside the runtime aborts the process; the assessor and trees run no native code',
    {
      pathNot: [
        '^libs/worker-thread/',
        '^libs/onchain/src/merkle-',
        '^services/validation/src/outbound/assessor-',
        ...TEST_CODE,
      ],
    },
    { path: '^(node:)?worker_threads$', dependencyTypes: ['core'] },
  ),
  confined(
    'ethers-only-where-wallets-are',
    ['ethers'],
    [
      '^libs/onchain/',
      '^services/(settlement|accounts|ingestion)/(src/(inbound|outbound)/|test/)',
      '^services/(settlement|accounts|ingestion)/src/[^/]+\\.ts$',
      '^services/all-in-one/',
      SPEC,
    ],
  ),
  confined(
    'sql-only-in-stores',
    ['pg', 'typeorm', '@types/pg'],
    [
      '^libs/(persistence|event-log|testing)/',
      '^services/[^/]+/(src/outbound/|test/)',
      '^services/[^/]+/src/migrations(/|\\.ts$)',
      '^services/all-in-one/',
      '^bench/',
    ],
  ),
  confined(
    'nest-only-in-hosts',
    ['@nestjs/[^/]+'],
    ['^libs/(service-host|auth|testing)/', '^services/[^/]+/(src|test)/', '^bench/'],
  ),
  confined('telemetry-only-in-the-host', ['pino', 'prom-client'], ['^libs/service-host/']),
];

module.exports = {
  forbidden: [...packageRules, ...libraryRules, ...serviceRules, ...confinedPackages],
  options: {
    doNotFollow: { path: ['node_modules', '/dist/'] },
    exclude: { path: ['/fixtures/', '\\.d\\.ts$', '^\\.(openledger|cache|nx)/'] },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
    },
  },
};
