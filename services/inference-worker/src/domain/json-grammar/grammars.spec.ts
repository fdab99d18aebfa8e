import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { allows } from '../token-mask.js';
import { checkJsonSchema, type GrammarCursor, Grammars } from './grammars.js';
import { Vocabulary } from './vocabulary.js';

const EOS = 0;
/** The end, all bytes, and tokens as byte-level vocabularies have them: across borders and within characters. */
const tokens: readonly (Uint8Array | undefined)[] = [
  undefined,
  ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
  ...[
    '":',
    '": ',
    '", "',
    '","',
    '{"',
    '"}',
    '"]',
    '[]',
    '{}',
    '}}',
    '},{"',
    ' the',
    'tion',
    'a"',
    '\\n',
    'x\\"',
  ].map((text) => Buffer.from(text)),
  ...['true', 'null', '12', '-1', '0.5', '1e', '\n  ', '    ', 'é', '東京', '🙂', 'a\\u00', 'b', 'b'].map(
    (text) => Buffer.from(text),
  ),
  Uint8Array.of(0xe6, 0x9d),
  Uint8Array.of(0xb1, 0x22),
];
const bytesOf = (token: number) => tokens[token];
const vocabulary = new Vocabulary(tokens, tokens.length);
const fresh = () => new Grammars(vocabulary, bytesOf, new Set([EOS]));
const grammars = fresh();
const begin = (schema: unknown): GrammarCursor => grammars.begin(JSON.stringify(schema));

/** Whether the grammar has the text as a whole, byte by byte. */
function accepts(schema: unknown, text: string | Uint8Array): boolean {
  const cursor = begin(schema);
  return [...Buffer.from(text)].every((byte) => cursor.accept(byte + 1)) && cursor.complete;
}

/** Random tokens of the masks, hurried to an end after a while; undefined when none was reached. */
function answer(cursor: GrammarCursor, random: () => number, check?: (sofar: readonly number[]) => void) {
  const chosen: number[] = [];
  for (let step = 0; step < 400; step += 1) {
    const { mask } = cursor;
    if (mask.count === 0) throw new Error('nothing may come next');
    if (allows(mask, EOS) !== cursor.complete) throw new Error('an answer ends where its value is whole');
    check?.(chosen);
    if (cursor.ended || (cursor.complete && random() < 0.4)) {
      return Buffer.concat(chosen.map((token) => tokens[token] ?? Buffer.alloc(0))).toString();
    }
    const allowed = [...tokens.keys()].filter((token) => token !== EOS && allows(mask, token));
    const closing = allowed.filter((token) => '"]}0'.includes(String.fromCharCode(tokens[token]?.[0] ?? 0)));
    const from = step > 40 && closing.length > 0 ? closing : allowed;
    const token = from[Math.floor(random() * from.length)] ?? EOS;
    if (!cursor.accept(token)) throw new Error('a token of the mask goes on');
    chosen.push(token);
  }
  return undefined;
}

const uniforms = (seed: number) => {
  let state = seed * 2 + 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

const ajv = new Ajv2020({ strict: false, validateSchema: false, addUsedSchema: false });

const names = fc.constantFrom('a', 'b', 'ab', 'é"\\', 'kind', '');
const leaf = fc.oneof(
  fc.constantFrom<object>({}, { type: 'null' }, { type: 'boolean' }, { type: ['string', 'null'] }),
  fc.constantFrom<object>({ type: 'integer' }, { type: 'number' }, { const: { a: [1, 'x'] } }),
  fc.record({ enum: fc.array(fc.oneof(fc.string(), fc.integer(), fc.constant(null)), { minLength: 1 }) }),
  fc.tuple(fc.nat(4), fc.nat(6)).map(([least, more]) => ({
    type: 'string',
    minLength: least,
    maxLength: least + more,
  })),
  fc.tuple(fc.integer({ min: -2_000, max: 2_000 }), fc.nat(3_000)).map(([low, more]) => ({
    type: 'integer',
    minimum: low,
    exclusiveMaximum: low + more + 1,
  })),
  fc.tuple(fc.integer({ min: -999, max: 999 }), fc.integer({ min: 1, max: 999 })).map(([low, more]) => ({
    type: 'number',
    exclusiveMinimum: low / 100,
    maximum: (low + more) / 100,
  })),
);
const { schema: schemas } = fc.letrec((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    leaf,
    fc
      .tuple(
        fc.uniqueArray(fc.tuple(names, tie('schema'), fc.boolean()), {
          selector: ([name]) => name,
          maxLength: 4,
        }),
        fc.option(fc.oneof(fc.boolean(), tie('schema')), { nil: undefined }),
      )
      .map(([members, additional]) => ({
        type: 'object',
        properties: Object.fromEntries(members.map(([name, value]) => [name, value])),
        required: members.filter(([, , required]) => required).map(([name]) => name),
        ...(additional === undefined ? {} : { additionalProperties: additional }),
      })),
    fc.tuple(tie('schema'), fc.nat(2), fc.nat(2)).map(([items, least, more]) => ({
      type: 'array',
      items,
      minItems: least,
      maxItems: least + more,
    })),
    fc.tuple(tie('schema'), tie('schema')).map(([first, second]) => ({
      type: 'array',
      prefixItems: [first, second],
      items: false,
    })),
    fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
    fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((oneOf) => ({ oneOf })),
  ),
}));

describe('an answer to a JSON schema', () => {
  const refusals: ReadonlySet<string> = new Set(['JSON_SCHEMA_UNSUPPORTED', 'JSON_SCHEMA_INVALID']);

  it('parses and satisfies the schema whenever it ends', () => {
    let answered = 0;
    fc.assert(
      fc.property(schemas, fc.nat(1_000_000), (schema, seed) => {
        let cursor: GrammarCursor;
        try {
          cursor = begin(schema);
        } catch (error) {
          // Overlapping alternatives of oneOf; nothing that satisfies it.
          expect(refusals).toContain(Reflect.get(error as object, 'code'));
          return;
        }
        const text = answer(cursor, uniforms(seed));
        if (text === undefined) return;
        answered += 1;
        const validate = ajv.compile(schema);
        expect(validate(JSON.parse(text)) || `${text} ${JSON.stringify(validate.errors)}`).toBe(true);
      }),
      { numRuns: 300, seed: 11 },
    );
    expect(answered).toBeGreaterThan(200);
  });

  it('may go on with a token exactly where the mask says so', () => {
    fc.assert(
      fc.property(schemas, fc.nat(1_000_000), (schema, seed) => {
        try {
          begin(schema);
        } catch {
          return;
        }
        const random = uniforms(seed);
        answer(begin(schema), random, (chosen) => {
          if (chosen.length > 8) return;
          const again = fresh().begin(JSON.stringify(schema));
          for (const token of chosen) again.accept(token);
          const { mask } = again;
          for (const token of tokens.keys()) {
            if (token === EOS) continue;
            const other = begin(schema);
            for (const before of chosen) other.accept(before);
            expect([token, other.accept(token)]).toEqual([token, allows(mask, token)]);
          }
        });
      }),
      { numRuns: 12, seed: 23 },
    );
  });

  it('may be a tree of any depth', () => {
    const node = { type: 'object', properties: { kids: { type: 'array', items: { $ref: '#/$defs/node' } } } };
    const schema = { $ref: '#/$defs/node', $defs: { node: { ...node, required: ['kids'] } } };
    expect(accepts(schema, '{"kids":[{"kids":[]},{"kids":[{"kids":[]}]}]}')).toBe(true);
    expect(accepts(schema, '{"kids":[{}]}')).toBe(false);
    const deep = `${'{"kids":['.repeat(500)}${']}'.repeat(500)}`;
    expect(accepts(schema, deep)).toBe(true);
  });

  it('is pretty-printed or compact', () => {
    const schema = { properties: { a: { type: 'integer' }, b: { items: { type: 'string' } } } };
    const value = { a: 1, b: ['x', 'y'] };
    expect(accepts(schema, JSON.stringify(value))).toBe(true);
    expect(accepts(schema, JSON.stringify(value, null, 2))).toBe(true);
    expect(accepts(schema, '{"a": 1, "b": ["x", "y"]}')).toBe(true);
    expect(accepts(schema, `{${' '.repeat(50)}"a":1}`)).toBe(false);
  });

  it('ends by itself only where nothing can follow', () => {
    const cursor = begin({ type: 'integer', maximum: 99, minimum: 5 });
    cursor.accept(1 + 0x31);
    expect(cursor).toMatchObject({ complete: false, ended: false });
    cursor.accept(1 + 0x32);
    expect(cursor).toMatchObject({ complete: true, ended: true });
  });
});

describe('a string', () => {
  it('is counted in characters, however they are written', () => {
    const two = { type: 'string', minLength: 2, maxLength: 2 };
    for (const text of ['ab', '東京', '🙂🙂', '\\n\\"', '\\u00e9x'])
      expect(accepts(two, `"${text}"`)).toBe(true);
    for (const text of ['a', 'abc', '🙂', '\\u00e9']) expect(accepts(two, `"${text}"`)).toBe(false);
  });

  it('is well-formed UTF-8 without control characters or half surrogates', () => {
    const text = (hex: string) =>
      Buffer.concat([Buffer.from('"'), Buffer.from(hex, 'hex'), Buffer.from('"')]);
    for (const good of ['c2a2', 'e0a080', 'ed9fbf', 'efbfbf', 'f0908080', 'f48fbfbf']) {
      expect([good, accepts({ type: 'string' }, text(good))]).toEqual([good, true]);
    }
    for (const bad of ['80', 'c0af', 'e09f80', 'eda080', 'f08f8080', 'f4908080', 'ff', '0a', '1f', 'e282']) {
      expect([bad, accepts({ type: 'string' }, text(bad))]).toEqual([bad, false]);
    }
    expect(accepts({ type: 'string' }, '"\\ud800"')).toBe(false);
    expect(accepts({ type: 'string' }, '"\\uD7ff"')).toBe(true);
  });

  it('does not name a declared property a second time, in no spelling', () => {
    const schema = { properties: { ab: { type: 'integer' } }, additionalProperties: { type: 'string' } };
    expect(accepts(schema, '{"ab":1,"abc":"x","a":"y"}')).toBe(true);
    for (const name of ['ab', 'a\\u0062', '\\u0061b']) expect(accepts(schema, `{"${name}":"x"}`)).toBe(false);
    expect(accepts(schema, '{"x\\u0062":"x"}')).toBe(true);
  });
});

describe('what is refused', () => {
  it.each([
    ['JSON_SCHEMA_INVALID', '{'],
    ['JSON_SCHEMA_INVALID', '7'],
    ['JSON_SCHEMA_INVALID', '{"type":"strnig"}'],
    ['JSON_SCHEMA_INVALID', '{"type":[]}'],
    ['JSON_SCHEMA_INVALID', '{"enum":[]}'],
    ['JSON_SCHEMA_INVALID', '{"type":"string","minLength":3,"maxLength":2}'],
    ['JSON_SCHEMA_INVALID', '{"type":"string","maxLength":-1}'],
    ['JSON_SCHEMA_INVALID', '{"type":"integer","minimum":2,"maximum":1}'],
    ['JSON_SCHEMA_INVALID', '{"type":"number","exclusiveMinimum":true}'],
    ['JSON_SCHEMA_INVALID', '{"properties":{"a":1}}'],
    ['JSON_SCHEMA_INVALID', '{"required":"a"}'],
    ['JSON_SCHEMA_INVALID', '{"anyOf":[]}'],
    ['JSON_SCHEMA_INVALID', '{"$ref":"#/$defs/none"}'],
    ['JSON_SCHEMA_INVALID', '{"$ref":"#/%E0%A4%A"}'],
    ['JSON_SCHEMA_INVALID', '{"properties":{"a":{"$ref":"#"}},"required":["a"]}'],
    ['JSON_SCHEMA_INVALID', '{"$ref":"#"}'],
    ['JSON_SCHEMA_INVALID', 'false'],
    ['JSON_SCHEMA_UNSUPPORTED', '{"$ref":"https://example.org/schema"}'],
    ['JSON_SCHEMA_UNSUPPORTED', '{"oneOf":[{"type":"integer"},{"type":"number"}]}'],
    ['JSON_SCHEMA_UNSUPPORTED', '{"allOf":[{"type":"integer"},{"minimum":1}]}'],
    ['JSON_SCHEMA_UNSUPPORTED', '{"anyOf":[{"type":"integer"}],"minimum":1}'],
    ['JSON_SCHEMA_TOO_LARGE', `{"description":"${'x'.repeat(70_000)}"}`],
    ['JSON_SCHEMA_TOO_LARGE', `${'{"items":'.repeat(100)}{}${'}'.repeat(100)}`],
    ['JSON_SCHEMA_TOO_LARGE', `{"enum":[${Array.from({ length: 9_000 }, (_, index) => index).join()}]}`],
  ])('%s (%#)', (code, text) => {
    expect(() => checkJsonSchema(text)).toThrow(
      expect.objectContaining({ code, details: { param: 'json_schema' } }),
    );
  });

  it.each([
    'pattern',
    'format',
    'multipleOf',
    'not',
    'patternProperties',
    'uniqueItems',
    'if',
    'minProperties',
  ])('the keyword %s, by its name', (keyword) => {
    const nested = { properties: { a: { [keyword]: {} } } };
    expect(() => checkJsonSchema(JSON.stringify(nested))).toThrow(`"${keyword}" is not supported`);
  });

  it('takes what says nothing of values, and alternatives that a constant tells apart', () => {
    checkJsonSchema(
      '{"$schema":"x","title":"t","description":"d","x-own":1,"default":1,"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{}}}',
    );
    const kind = (name: string) => ({ properties: { kind: { const: name } }, required: ['kind'] });
    checkJsonSchema(JSON.stringify({ oneOf: [{ type: 'null' }, kind('a'), kind('b')] }));
    checkJsonSchema(JSON.stringify({ oneOf: [{ const: 1 }, { enum: ['1', true] }, { type: 'array' }] }));
  });
});
