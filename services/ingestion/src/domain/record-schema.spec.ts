import fc from 'fast-check';
import { type RecordSchema, readRecord } from './record-schema.js';

const text: RecordSchema = { kind: 'text', minCharacters: 1, maxCharacters: 10 };
const instruction: RecordSchema = { kind: 'instruction', minCharacters: 5, maxCharacters: 100 };

describe('readRecord', () => {
  it('normalises to NFC and drops nothing', () => {
    expect(readRecord(text, { text: 'e\u0301' })).toEqual({ record: { text: '\u00e9' } });
    expect(readRecord(instruction, { completion: 'Yes.', prompt: 'Is it?' })).toEqual({
      record: { prompt: 'Is it?', completion: 'Yes.' },
    });
  });

  it.each([
    ['no object', [], ''],
    ['a list', [{ text: 'x' }], ''],
    ['a missing field', {}, 'text'],
    ['a number', { text: 1 }, 'text'],
    ['nothing but spaces', { text: ' \n' }, 'text'],
    ['half a pair', { text: 'a\ud800' }, 'text'],
    ['a NUL', { text: 'a\0b' }, 'text'],
    ['a field more', { text: 'x', note: 'y' }, 'note'],
    ['a name of the prototype', JSON.parse('{"text":"x","__proto__":"y"}'), '__proto__'],
    ['too much text', { text: 'x'.repeat(11) }, 'text'],
  ])('refuses %s and names the field', (_, value, field) => {
    expect(readRecord(text, value)).toMatchObject({ problems: [{ field }] });
  });

  it('does not take inherited names for fields', () => {
    expect(readRecord(text, Object.create({ text: 'x' }))).toMatchObject({ problems: [{ field: 'text' }] });
  });

  it('counts characters as people do: code points over all fields', () => {
    expect(readRecord(text, { text: '😀'.repeat(10) })).toHaveProperty('record');
    expect(readRecord(instruction, { prompt: 'ab', completion: 'cd' })).toMatchObject({
      problems: [{ field: 'prompt+completion', message: 'has 4 characters; allowed are 5 to 100' }],
    });
  });

  it('answers for any JSON value, and what it accepts it accepts unchanged again', () => {
    const lax: RecordSchema = { kind: 'text', minCharacters: 1, maxCharacters: 1_000 };
    const values = fc.oneof(fc.jsonValue(), fc.record({ text: fc.string({ unit: 'binary' }) }));
    fc.assert(
      fc.property(values, (value) => {
        const once = readRecord(lax, value);
        if ('record' in once) expect(readRecord(lax, once.record)).toEqual(once);
        else expect(once.problems.length).toBeGreaterThan(0);
      }),
    );
  });

  it('tells no more than a few of many problems', () => {
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`field${i}`, 1]));
    const read = readRecord(text, many);
    expect('problems' in read && read.problems.length).toBe(5);
  });
});
