import { DomainError } from '@openledger/kernel';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}
export type Schema = boolean | JsonObject;

const TEXT_MAX = 65_536;
const DEPTH_MAX = 64;
const NODES_MAX = 8_192;

const withParam = { details: { param: 'json_schema' } };

export const invalidSchema = (what: string): DomainError =>
  new DomainError('invalid', 'JSON_SCHEMA_INVALID', `The JSON schema is invalid: ${what}.`, withParam);

export const unsupportedSchema = (what: string): DomainError =>
  new DomainError(
    'invalid',
    'JSON_SCHEMA_UNSUPPORTED',
    `Answers cannot be held to this JSON schema: ${what}.`,
    withParam,
  );

export const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function isSchema(value: JsonValue | undefined): value is Schema {
  return typeof value === 'boolean' || isObject(value);
}

/** @throws DomainError JSON_SCHEMA_INVALID, JSON_SCHEMA_TOO_LARGE */
export function parseSchema(text: string): Schema {
  if (text.length > TEXT_MAX) throw tooLong(`more than ${TEXT_MAX} characters`);
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch (error) {
    throw invalidSchema(error instanceof Error ? error.message : 'it is not JSON');
  }
  if (!isSchema(value)) throw invalidSchema('a schema is an object or a boolean');
  checkSize(value);
  return value;
}

function checkSize(root: JsonValue): void {
  let nodes = 0;
  let level: readonly JsonValue[] = [root];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > DEPTH_MAX) throw tooLong(`more than ${DEPTH_MAX} levels`);
    nodes += level.length;
    if (nodes > NODES_MAX) throw tooLong(`more than ${NODES_MAX} values`);
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? Object.values<JsonValue>(value) : [],
    );
  }
}

const tooLong = (what: string): DomainError =>
  new DomainError('invalid', 'JSON_SCHEMA_TOO_LARGE', `The JSON schema has ${what}.`, withParam);

/** What `reference` names in the document. @throws DomainError JSON_SCHEMA_INVALID, JSON_SCHEMA_UNSUPPORTED */
export function resolveReference(root: Schema, reference: JsonValue | undefined): Schema {
  if (typeof reference !== 'string') throw invalidSchema('$ref is a text');
  if (reference !== '#' && !reference.startsWith('#/')) {
    throw unsupportedSchema(`$ref "${reference}" leads out of it (only "#" and "#/…" are followed)`);
  }
  let found: JsonValue | undefined = root;
  for (const part of reference.split('/').slice(1)) {
    const name = unescapePointer(part);
    if (Array.isArray(found)) found = found[Number(name)] as JsonValue | undefined;
    else found = isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined;
  }
  if (!isSchema(found)) throw invalidSchema(`$ref "${reference}" names no schema`);
  return found;
}

/** A part of a JSON pointer in a URI fragment (RFC 6901, sections 4 and 6). */
function unescapePointer(part: string): string {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    throw invalidSchema(`"${part}" in a $ref is not a JSON pointer`);
  }
}
