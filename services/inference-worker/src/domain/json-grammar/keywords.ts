import {
  invalidSchema,
  isObject,
  isSchema,
  type JsonObject,
  type JsonValue,
  type Schema,
  unsupportedSchema,
} from './schema-text.js';

export type JsonType = 'null' | 'boolean' | 'integer' | 'number' | 'string' | 'array' | 'object';

const JSON_TYPES: ReadonlySet<string> = new Set<JsonType>([
  'null',
  'boolean',
  'integer',
  'number',
  'string',
  'array',
  'object',
]);
export const ANY_TYPES: readonly JsonType[] = ['object', 'array', 'string', 'number', 'boolean', 'null'];

/** Keywords that say nothing of which values are valid. */
const ANNOTATIONS: ReadonlySet<string> = new Set([
  '$schema',
  '$id',
  '$comment',
  '$defs',
  'definitions',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
]);

const OF_TYPE: ReadonlyMap<string, JsonType> = new Map<string, JsonType>([
  ['properties', 'object'],
  ['required', 'object'],
  ['additionalProperties', 'object'],
  ['items', 'array'],
  ['prefixItems', 'array'],
  ['minItems', 'array'],
  ['maxItems', 'array'],
  ['minLength', 'string'],
  ['maxLength', 'string'],
  ['minimum', 'number'],
  ['maximum', 'number'],
  ['exclusiveMinimum', 'number'],
  ['exclusiveMaximum', 'number'],
]);

/** Keywords that say everything that a schema says. */
const WHOLE = ['$ref', 'anyOf', 'oneOf', 'allOf', 'enum', 'const'] as const;
export type WholeKeyword = (typeof WHOLE)[number];

/**
 * The keyword that alone decides, where there is one.
 *
 * @throws DomainError JSON_SCHEMA_UNSUPPORTED naming the keyword that is not understood, or not beside it
 */
export function wholeKeyword(schema: JsonObject): WholeKeyword | undefined {
  const keywords = Object.keys(schema).filter((name) => !ANNOTATIONS.has(name) && !name.startsWith('x-'));
  const whole = WHOLE.find((name) => Object.hasOwn(schema, name));
  for (const name of keywords) {
    const known = name === 'type' || OF_TYPE.has(name) || WHOLE.some((other) => other === name);
    if (!known) throw unsupportedSchema(`"${name}" is not supported`);
    const beside = whole === 'enum' || whole === 'const' ? name === 'type' : false;
    if (whole && name !== whole && !beside) {
      throw unsupportedSchema(`"${name}" beside "${whole}" is not supported`);
    }
  }
  return whole;
}

/** The types that a schema without a whole keyword is of: those named, or those that its keywords speak of. */
export function typesOf(schema: JsonObject): readonly JsonType[] {
  const { type } = schema;
  if (type === undefined) {
    const spoken = new Set([...OF_TYPE].filter(([name]) => Object.hasOwn(schema, name)).map(([, of]) => of));
    return spoken.size > 0 ? [...spoken] : ANY_TYPES;
  }
  return namedTypes(type);
}

function namedTypes(type: JsonValue): readonly JsonType[] {
  const names: readonly JsonValue[] = Array.isArray(type) ? type : [type];
  const unknown = names.find((name) => typeof name !== 'string' || !JSON_TYPES.has(name));
  if (unknown !== undefined || names.length === 0) {
    throw invalidSchema(`"type" is ${JSON.stringify(type)}`);
  }
  return [...new Set(names)] as JsonType[];
}

export function isOfType(value: JsonValue, type: JsonType): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

/** The values that `enum` or `const` allow, as far as `type` does. */
export function allowedValues(schema: JsonObject): readonly JsonValue[] {
  const values = Object.hasOwn(schema, 'const') ? [schema.const ?? null] : schema.enum;
  if (!Array.isArray(values)) throw invalidSchema('"enum" is a list');
  if (schema.type === undefined) return values as JsonValue[];
  const types = namedTypes(schema.type);
  return (values as JsonValue[]).filter((value) => types.some((type) => isOfType(value, type)));
}

/** @throws DomainError JSON_SCHEMA_INVALID */
export function countOf(schema: JsonObject, name: string): number | undefined {
  const value = schema[name];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalidSchema(`"${name}" is a whole number, 0 or more`);
}

/** @throws DomainError JSON_SCHEMA_INVALID */
export function numberOf(schema: JsonObject, name: string): number | undefined {
  const value = schema[name];
  if (value === undefined || typeof value === 'number') return value;
  throw invalidSchema(`"${name}" is a number`);
}

/** @throws DomainError JSON_SCHEMA_INVALID */
export function schemasOf(schema: JsonObject, name: string): readonly Schema[] {
  const value = schema[name];
  if (Array.isArray(value) && value.length > 0 && value.every((part) => isSchema(part as JsonValue))) {
    return value as Schema[];
  }
  throw invalidSchema(`"${name}" is a list of schemas`);
}

export interface Properties {
  readonly declared: ReadonlyMap<string, Schema>;
  readonly required: ReadonlySet<string>;
  readonly additional: Schema | undefined;
}

/** @throws DomainError JSON_SCHEMA_INVALID */
export function propertiesOf(schema: JsonObject): Properties {
  const { properties = {}, required = [], additionalProperties: additional } = schema;
  if (!isObject(properties)) throw invalidSchema('"properties" is an object');
  const declared = new Map<string, Schema>();
  for (const [name, value] of Object.entries(properties)) {
    if (!isSchema(value)) throw invalidSchema(`the property "${name}" has no schema`);
    declared.set(name, value);
  }
  if (!Array.isArray(required) || required.some((name) => typeof name !== 'string')) {
    throw invalidSchema('"required" is a list of names');
  }
  if (additional !== undefined && !isSchema(additional)) {
    throw invalidSchema('"additionalProperties" is a schema');
  }
  return { declared, required: new Set(required as string[]), additional };
}
