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
/** Pairs looked at for one document; what is left then is taken to overlap. */
const PAIRS_MAX = 20_000;

/**
 * Whether a value might satisfy two schemas of a document. False only where that is proved: `oneOf` may be
 * generated like `anyOf` exactly then.
 */
export class Overlap {
  private pairs = 0;

  constructor(private readonly root: Schema) {}

  possible(a: Schema, b: Schema, depth = 0): boolean {
    this.pairs += 1;
    if (depth > DEPTH_MAX || this.pairs > PAIRS_MAX) return true;
    if (typeof a === 'boolean' || typeof b === 'boolean') return a !== false && b !== false;
    const parts = this.alternatives(a);
    if (parts) return parts.some((part) => this.possible(part, b, depth + 1));
    const others = this.alternatives(b);
    if (others) return others.some((other) => this.possible(a, other, depth + 1));
    const values = valuesOf(a);
    if (values) return values.some((value) => this.mayHold(b, value, depth + 1));
    const otherValues = valuesOf(b);
    if (otherValues) return otherValues.some((value) => this.mayHold(a, value, depth + 1));
    const shared = typesOf(a).flatMap((type) => typesOf(b).filter((other) => meet(type, other)));
    if (shared.length === 0) return false;
    return shared.some((type) => type !== 'object') || this.objectsMayMeet(a, b, depth);
  }

  private alternatives(schema: JsonObject): readonly Schema[] | undefined {
    const whole = wholeKeyword(schema);
    if (whole === '$ref') return [resolveReference(this.root, schema.$ref)];
    return whole === 'anyOf' || whole === 'oneOf' || whole === 'allOf' ? schemasOf(schema, whole) : undefined;
  }

  /** A property that one of them requires tells them apart if what both say of it does. */
  private objectsMayMeet(a: JsonObject, b: JsonObject, depth: number): boolean {
    const [left, right] = [propertiesOf(a), propertiesOf(b)];
    for (const name of new Set([...left.required, ...right.required])) {
      const own = left.declared.get(name) ?? left.additional ?? true;
      const other = right.declared.get(name) ?? right.additional ?? true;
      if (!this.possible(own, other, depth + 1)) return false;
    }
    return true;
  }

  private mayHold(schema: Schema, value: JsonValue, depth: number): boolean {
    this.pairs += 1;
    if (typeof schema === 'boolean') return schema;
    if (depth > DEPTH_MAX || this.pairs > PAIRS_MAX) return true;
    const parts = this.alternatives(schema);
    if (parts) return parts.some((part) => this.mayHold(part, value, depth + 1));
    const values = valuesOf(schema);
    if (values) return values.some((other) => canonical(other) === canonical(value));
    if (!typesOf(schema).some((type) => isOfType(value, type))) return false;
    if (!isObject(value)) return true;
    const { declared, required, additional } = propertiesOf(schema);
    if ([...required].some((name) => !Object.hasOwn(value, name))) return false;
    return Object.entries(value).every(([name, part]) =>
      this.mayHold(declared.get(name) ?? additional ?? true, part, depth + 1),
    );
  }
}

function valuesOf(schema: JsonObject): readonly JsonValue[] | undefined {
  return Object.hasOwn(schema, 'enum') || Object.hasOwn(schema, 'const') ? allowedValues(schema) : undefined;
}

const meet = (a: JsonType, b: JsonType): boolean =>
  a === b || (a === 'integer' && b === 'number') || (a === 'number' && b === 'integer');

/** Equal texts for equal values, whatever the order of their members. */
function canonical(value: JsonValue): string {
  return JSON.stringify(value, (_, part: JsonValue) =>
    isObject(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );
}
