/** Every ESLint rule of the house → a file and a text that break it. Paths matter: some rules hold in some folders. */

const filler = (lines) => Array.from({ length: lines }, (_, i) => `export const line${i} = ${i};`).join('\n');
const longFunction = `export function long(): number[] {\n  const out: number[] = [];\n${'  out.push(1);\n'.repeat(70)}  return out;\n}`;
const nested =
  'export function deep(n: number): number {\n' +
  '  if (n > 1) { if (n > 2) { if (n > 3) { if (n > 4) { if (n > 5) { return 1; } } } } }\n  return 0;\n}';
const work = 'export async function work(): Promise<number> { return 1; }\n';

export const PLANTED_LINT = {
  'max-lines': ['services/x/src/application/a.ts', filler(301)],
  'max-lines-per-function': ['services/x/src/application/b.ts', longFunction],
  'max-params': [
    'services/x/src/application/c.ts',
    'export const five = (a: 1, b: 1, c: 1, d: 1, e: 1): number => a + b + c + d + e;',
  ],
  'max-depth': ['services/x/src/application/d.ts', nested],
  'no-restricted-globals': ['services/x/src/outbound/e.ts', 'export const url = process.env.URL;'],
  '@typescript-eslint/await-thenable': [
    'services/x/src/application/f.ts',
    'export async function f(): Promise<number> { await 1; return 2; }',
  ],
  '@typescript-eslint/no-explicit-any': [
    'services/x/src/application/g.ts',
    'export const g = (x: any): unknown => x;',
  ],
  '@typescript-eslint/no-floating-promises': [
    'services/x/src/application/h.ts',
    `${work}export function h(): void { work(); }`,
  ],
  '@typescript-eslint/no-misused-promises': [
    'services/x/src/application/i.ts',
    `${work}export const i = (): number => (work() ? 1 : 2);`,
  ],
  '@typescript-eslint/no-non-null-assertion': [
    'services/x/src/application/j.ts',
    'export const j = (x?: string): string => x!;',
  ],
  '@typescript-eslint/no-for-in-array': [
    'services/x/src/application/k.ts',
    'export function k(list: number[]): string[] { const out: string[] = []; for (const x in list) out.push(x); return out; }',
  ],
  '@typescript-eslint/no-array-delete': [
    'services/x/src/application/l.ts',
    'export function l(list: number[]): void { delete list[0]; }',
  ],
  '@typescript-eslint/no-implied-eval': [
    'services/x/src/application/m.ts',
    "export const m = (): unknown => new Function('return 1');",
  ],
  '@typescript-eslint/no-unnecessary-type-assertion': [
    'services/x/src/application/n.ts',
    'export const n = (x: string): string => x as string;',
  ],
  '@typescript-eslint/only-throw-error': [
    'services/x/src/application/o.ts',
    "export function o(): never { throw 'no'; }",
  ],
  '@typescript-eslint/prefer-promise-reject-errors': [
    'services/x/src/application/p.ts',
    "export const p = (): Promise<never> => Promise.reject('no');",
  ],
  '@typescript-eslint/restrict-plus-operands': [
    'services/x/src/application/q.ts',
    'export const q = (wei: bigint, n: number): unknown => wei + n;',
  ],
  '@typescript-eslint/return-await': [
    'services/x/src/application/r.ts',
    `${work}export async function r(): Promise<number> { try { return work(); } catch { return 2; } }`,
  ],
  '@typescript-eslint/switch-exhaustiveness-check': [
    'services/x/src/application/s.ts',
    "export function s(x: 'a' | 'b'): void { switch (x) { case 'a': x.at(0); } }",
  ],
};

/** What `no-restricted-syntax` refuses, and where. */
export const PLANTED_SYNTAX = {
  'a module-level let': ['libs/x/src/a.ts', 'let seen = 0;\nexport const next = (): number => ++seen;'],
  'an exported let': ['services/x/src/outbound/b.ts', 'export let seen = 0;'],
  'a default export': ['libs/x/src/c.ts', 'export default 1;'],
  'Date.now in a domain': ['services/x/src/domain/d.ts', 'export const now = (): number => Date.now();'],
  'new Date() in a domain': ['services/x/src/domain/e.ts', 'export const today = (): Date => new Date();'],
  'Math.random in a domain': [
    'services/x/src/domain/f.ts',
    'export const roll = (): number => Math.random();',
  ],
};

/** What the same rules must let pass. */
export const LAWFUL_LINT = {
  'services/x/src/domain/lawful.ts': 'export const at = (ms: number): Date => new Date(ms);',
  'libs/x/src/run-main.ts':
    'export const url = (process: { env: { URL: string } }): string => process.env.URL;',
  'services/x/src/main.ts': 'export const url = process.env.URL;',
  'services/x/src/domain/long.spec.ts': filler(450),
  'services/x/src/outbound/clock.ts': 'export const now = (): number => Date.now();',
};
