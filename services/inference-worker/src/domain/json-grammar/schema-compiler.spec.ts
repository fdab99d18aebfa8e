import { DomainError } from '@openledger/kernel';
import fc from 'fast-check';
import { checkJsonSchema } from './grammars.js';

const keywords = [
  '$ref',
  '$defs',
  'type',
  'enum',
  'const',
  'anyOf',
  'oneOf',
  'allOf',
  'properties',
  'required',
  'additionalProperties',
  'items',
  'prefixItems',
  'minItems',
  'maxItems',
  'minLength',
  'maxLength',
  'minimum',
  'exclusiveMaximum',
  'title',
  'not',
  '__proto__',
  'constructor',
];
const odd = fc.constantFrom<unknown>(
  '#',
  '#/$defs',
  '#/$defs/0',
  'object',
  'array',
  'integer',
  -1,
  0.5,
  1e300,
  7,
);
const { value: anything } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'medium' },
    odd,
    fc.jsonValue({ maxDepth: 1 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...keywords), tie('value'), { maxKeys: 4 }),
  ),
}));

describe('a schema', () => {
  it('is taken or refused with a code, whatever is sent', () => {
    const codes = new Set<string>();
    fc.assert(
      fc.property(
        fc.oneof(
          anything.map((value) => JSON.stringify(value)),
          fc.string(),
        ),
        (text) => {
          try {
            checkJsonSchema(text);
            codes.add('taken');
          } catch (error) {
            if (!(error instanceof DomainError)) throw error;
            codes.add(error.code);
          }
        },
      ),
      { numRuns: 3_000, seed: 41 },
    );
    expect([...codes].sort()).toEqual(['JSON_SCHEMA_INVALID', 'JSON_SCHEMA_UNSUPPORTED', 'taken']);
  });

  it('takes bounded time, however it is put together', () => {
    const chain = (kind: string, count: number) =>
      JSON.stringify({
        $ref: '#/$defs/0',
        $defs: Object.fromEntries(
          Array.from({ length: count }, (_, index) => {
            const next = { $ref: `#/$defs/${index + 1}` };
            return [index, index + 1 === count ? { type: 'null' } : { [kind]: [next, next] }];
          }),
        ),
      });
    checkJsonSchema(chain('anyOf', 60));
    const refused = (code: string) => expect.objectContaining({ code });
    expect(() => checkJsonSchema(chain('oneOf', 60))).toThrow(refused('JSON_SCHEMA_UNSUPPORTED'));
    expect(() => checkJsonSchema(chain('anyOf', 400))).toThrow(refused('JSON_SCHEMA_TOO_LARGE'));
    const numbers = Array.from({ length: 300 }, (_, index) => ({ type: 'number', minimum: index / 7 }));
    expect(() => checkJsonSchema(JSON.stringify({ anyOf: numbers }))).toThrow(
      refused('JSON_SCHEMA_TOO_LARGE'),
    );
  });
});
