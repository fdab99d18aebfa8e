import {
  allowedValues,
  isOfType,
  type JsonType,
  propertiesOf,
  schemasOf,
  typesOf,
  wholeKeyword,
} from './keywords.js';
import { isObject, type JsonObject, type JsonValue, resolveReference, type Schema } from './schema-text.js';

/** Schemas within schemas that are looked into before two are taken to overlap. */
const DEPTH_MAX = 16;

/**
 * Whether a value might satisfy both schemas. False only where that is proved: `oneOf` may be generated
 * like `anyOf` exactly then.
 */
export function mayOverlap(root: Schema, a: Schema, b: Schema, depth = 0): boolean {
  if (depth > DEPTH_MAX) return true;
  if (typeof a === 'boolean' || typeof b === 'boolean') return a !== false && b !== false;
  const parts = alternatives(root, a);
  if (parts) return parts.some((part) => mayOverlap(root, part, b, depth + 1));
  const others = alternatives(root, b);
  if (others) return others.some((other) => mayOverlap(root, a, other, depth + 1));
  const values = valuesOf(a);
  if (values) return values.some((value) => mayHold(root, b, value, depth + 1));
  const otherValues = valuesOf(b);
  if (otherValues) return otherValues.some((value) => mayHold(root, a, value, depth + 1));
  const shared = typesOf(a).flatMap((type) => typesOf(b).filter((other) => meet(type, other)));
  if (shared.length === 0) return false;
  return shared.some((type) => type !== 'object') || objectsMayOverlap(root, a, b, depth);
}

function alternatives(root: Schema, schema: JsonObject): readonly Schema[] | undefined {
  const whole = wholeKeyword(schema);
  if (whole === '$ref') return [resolveReference(root, schema.$ref)];
  return whole === 'anyOf' || whole === 'oneOf' || whole === 'allOf' ? schemasOf(schema, whole) : undefined;
}

function valuesOf(schema: JsonObject): readonly JsonValue[] | undefined {
  return 'enum' in schema || 'const' in schema ? allowedValues(schema) : undefined;
}

const meet = (a: JsonType, b: JsonType): boolean =>
  a === b || (a === 'integer' && b === 'number') || (a === 'number' && b === 'integer');

/** A property that both speak of, which one of them requires, tells them apart if its schemas do. */
function objectsMayOverlap(root: Schema, a: JsonObject, b: JsonObject, depth: number): boolean {
  const [left, right] = [propertiesOf(a), propertiesOf(b)];
  for (const name of new Set([...left.required, ...right.required])) {
    const own = left.declared.get(name) ?? left.additional ?? true;
    const other = right.declared.get(name) ?? right.additional ?? true;
    if (!mayOverlap(root, own, other, depth + 1)) return false;
  }
  return true;
}

function mayHold(root: Schema, schema: Schema, value: JsonValue, depth: number): boolean {
  if (typeof schema === 'boolean') return schema;
  if (depth > DEPTH_MAX) return true;
  const parts = alternatives(root, schema);
  if (parts) return parts.some((part) => mayHold(root, part, value, depth + 1));
  const values = valuesOf(schema);
  if (values) return values.some((other) => canonical(other) === canonical(value));
  if (!typesOf(schema).some((type) => isOfType(value, type))) return false;
  if (!isObject(value)) return true;
  const { declared, required, additional } = propertiesOf(schema);
  if ([...required].some((name) => !Object.hasOwn(value, name))) return false;
  return Object.entries(value).every(([name, part]) =>
    mayHold(root, declared.get(name) ?? additional ?? true, part, depth + 1),
  );
}

/** Equal texts for equal values, whatever the order of their members. */
function canonical(value: JsonValue): string {
  return JSON.stringify(value, (_, part: JsonValue) =>
    isObject(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );
}
