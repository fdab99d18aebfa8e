import type { Json } from '@openledger/kernel';

/**
 * Where two JSON values differ, by path, as `path: one is not other`; at most `limit` places. Numbers are equal
 * when they are the same double.
 */
export function jsonDifferences(one: Json, other: Json, limit: number): string[] {
  const found: string[] = [];
  compare(one, other, '', (difference) => {
    found.push(difference);
    return found.length < limit;
  });
  return found;
}

/** False when no more is wanted. */
type Report = (difference: string) => boolean;

function compare(one: Json | undefined, other: Json | undefined, path: string, report: Report): boolean {
  if (isBranch(one) && isBranch(other) && Array.isArray(one) === Array.isArray(other)) {
    const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])];
    const join = (key: string) => (Array.isArray(one) ? `${path}[${key}]` : path ? `${path}.${key}` : key);
    return keys.every((key) => compare(childOf(one, key), childOf(other, key), join(key), report));
  }
  return Object.is(one, other) || report(`${path || 'the whole'}: ${shown(one)} is not ${shown(other)}`);
}

type Branch = { readonly [key: string]: Json } | readonly Json[];

const isBranch = (value: Json | undefined): value is Branch => typeof value === 'object' && value !== null;

const childOf = (branch: Branch, key: string): Json | undefined =>
  Object.hasOwn(branch, key) ? (branch as { readonly [key: string]: Json })[key] : undefined;

const SHOWN_CHARACTERS = 80;

function shown(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}
