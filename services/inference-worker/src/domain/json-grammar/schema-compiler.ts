import {
  ANY_TYPES,
  allowedValues,
  countOf,
  type JsonType,
  numberOf,
  propertiesOf,
  schemasOf,
  typesOf,
  wholeKeyword,
} from './keywords.js';
import { anyInteger, anyNumber, boundedInteger, boundedNumber } from './number-range.js';
import { type Op, type ReferenceOp, satisfiable } from './op.js';
import { OpBuilder, tooLarge } from './op-builder.js';
import { Overlap } from './overlap.js';
import {
  invalidSchema,
  isSchema,
  type JsonObject,
  resolveReference,
  type Schema,
  unsupportedSchema,
} from './schema-text.js';

/** Schemas within schemas, definitions followed. */
const DEPTH_MAX = 200;

/** A grammar of the texts that answer a schema. */
export interface CompiledSchema {
  readonly root: Op;
  /** By the number of an op. */
  readonly satisfiable: Uint8Array;
}

/**
 * JSON Schema (2020-12) to a grammar. Every text of the grammar satisfies the schema; not every text that
 * satisfies it is in the grammar: members come in the order in which they are declared, a property that is
 * not declared comes only where `additionalProperties` or the lack of any declared says so, numbers have at
 * most 15 digits, and white space is bounded.
 *
 * @throws DomainError JSON_SCHEMA_UNSUPPORTED, JSON_SCHEMA_INVALID, JSON_SCHEMA_TOO_LARGE
 */
export function compileSchema(schema: Schema): CompiledSchema {
  const compiler = new SchemaCompiler(schema);
  const root = compiler.compile(schema);
  const found = satisfiable(compiler.build.ops);
  if (found[root.id] !== 1) throw invalidSchema('no value satisfies it');
  return { root, satisfiable: found };
}

class SchemaCompiler {
  readonly build = new OpBuilder();
  private readonly references = new Map<Schema, ReferenceOp>();
  /** By type and bounds: the digits of a range are many parts. */
  private readonly numbers = new Map<string, Op>();
  private readonly overlap: Overlap;
  private any: ReferenceOp | undefined;
  private depth = 0;

  constructor(private readonly document: Schema) {
    this.overlap = new Overlap(document);
  }

  compile(schema: Schema): Op {
    if (this.depth >= DEPTH_MAX) throw tooLarge(`definitions more than ${DEPTH_MAX} deep in one another`);
    this.depth += 1;
    const op = this.byKeyword(schema);
    this.depth -= 1;
    return op;
  }

  private byKeyword(schema: Schema): Op {
    if (schema === true) return this.anyValue();
    if (schema === false) return this.build.choice([]);
    switch (wholeKeyword(schema)) {
      case '$ref':
        return this.reference(resolveReference(this.document, schema.$ref));
      case 'anyOf':
        return this.build.choice(schemasOf(schema, 'anyOf').map((part) => this.compile(part)));
      case 'oneOf':
        return this.exactlyOne(schemasOf(schema, 'oneOf'));
      case 'allOf':
        return this.allOf(schemasOf(schema, 'allOf'));
      case 'enum':
      case 'const':
        return this.build.oneText(allowedValues(schema).map((value) => JSON.stringify(value)));
      default:
        return this.build.choice(typesOf(schema).map((type) => this.ofType(type, schema)));
    }
  }

  /** A definition is compiled once, and may lead back to itself. */
  private reference(target: Schema): Op {
    if (typeof target === 'boolean') return this.compile(target);
    const known = this.references.get(target);
    if (known) return known;
    const op = this.build.reference();
    this.references.set(target, op);
    op.target = this.compile(target);
    return op;
  }

  private exactlyOne(parts: readonly Schema[]): Op {
    for (const [index, part] of parts.entries()) {
      for (const [before, other] of parts.slice(0, index).entries()) {
        if (!this.overlap.possible(part, other)) continue;
        const which = `${before} and ${index}`;
        throw unsupportedSchema(
          `a value might satisfy both ${which} of "oneOf" (use "anyOf", or a property with a "const" in each)`,
        );
      }
    }
    return this.build.choice(parts.map((part) => this.compile(part)));
  }

  private allOf(parts: readonly Schema[]): Op {
    const [only, ...more] = parts;
    if (only === undefined || more.length > 0) throw unsupportedSchema('"allOf" of several is not supported');
    return this.compile(only);
  }

  private ofType(type: JsonType, schema: JsonObject): Op {
    const { build } = this;
    switch (type) {
      case 'null':
        return build.text('null');
      case 'boolean':
        return build.choice([build.text('true'), build.text('false')]);
      case 'integer':
      case 'number':
        return this.numeric(type, schema);
      case 'string':
        return build.string(countOf(schema, 'minLength'), countOf(schema, 'maxLength'));
      case 'array':
        return this.array(schema);
      case 'object':
        return this.object(schema);
    }
  }

  private numeric(type: 'integer' | 'number', schema: JsonObject): Op {
    const { build } = this;
    const [low, high] = [numberOf(schema, 'minimum'), numberOf(schema, 'maximum')];
    const [above, below] = [numberOf(schema, 'exclusiveMinimum'), numberOf(schema, 'exclusiveMaximum')];
    if (low === undefined && high === undefined && above === undefined && below === undefined) {
      return type === 'integer' ? anyInteger(build) : anyNumber(build);
    }
    const lowExcluded = above !== undefined && (low === undefined || above >= low);
    const highExcluded = below !== undefined && (high === undefined || below <= high);
    const bounds = {
      low: lowExcluded ? above : low,
      lowExcluded,
      high: highExcluded ? below : high,
      highExcluded,
    };
    const key = [type, ...Object.values(bounds)].join();
    const known = this.numbers.get(key);
    if (known) return known;
    const op = type === 'integer' ? boundedInteger(build, bounds) : boundedNumber(build, bounds);
    this.numbers.set(key, op);
    return op;
  }

  private array(schema: JsonObject): Op {
    const { build } = this;
    const [min = 0, max = Number.POSITIVE_INFINITY] = [
      countOf(schema, 'minItems'),
      countOf(schema, 'maxItems'),
    ];
    const { items } = schema;
    if (items !== undefined && !isSchema(items)) throw invalidSchema('"items" is a schema');
    if (schema.prefixItems === undefined) return build.array(this.compile(items ?? true), min, max);
    const first = schemasOf(schema, 'prefixItems');
    if (items !== false && max !== first.length) {
      throw unsupportedSchema('"prefixItems" is supported with "items": false only');
    }
    const lengths = [...Array(first.length + 1).keys()].filter((length) => length >= min && length <= max);
    const parts = first.map((part) => this.compile(part));
    return build.choice(lengths.map((length) => build.tuple(parts.slice(0, length))));
  }

  private object(schema: JsonObject): Op {
    const { declared, required, additional } = propertiesOf(schema);
    const names = new Set([...declared.keys(), ...required]);
    for (const name of names) {
      if (!name.isWellFormed()) throw invalidSchema('the name of a property has half a surrogate pair');
    }
    const properties = [...names].map((name) => ({
      name,
      required: required.has(name),
      value: this.compile(declared.get(name) ?? additional ?? true),
    }));
    // JSON Schema allows any other property; a model that may invent them seldom comes to an end.
    const others = additional ?? declared.size === 0;
    return this.build.object(properties, others === false ? undefined : this.compile(others));
  }

  private anyValue(): Op {
    if (this.any) return this.any;
    this.any = this.build.reference();
    this.any.target = this.build.choice(ANY_TYPES.map((type) => this.ofType(type, {})));
    return this.any;
  }
}
