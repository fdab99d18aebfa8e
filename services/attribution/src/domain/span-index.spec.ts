import fc from 'fast-check';
import { SpanIndex } from './span-index.js';
import { suffixArray } from './suffix-array.js';

const tokens = (max: number) => fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: max });
const everything = {
  tokensMin: 1,
  chanceMax: Number.POSITIVE_INFINITY,
  recordsMax: Number.POSITIVE_INFINITY,
};

describe('suffixArray', () => {
  it('orders suffixes as sorting them does', () => {
    const compare = (text: readonly number[]) => (a: number, b: number) => {
      for (; ; a++, b++) {
        if (a >= text.length || b >= text.length) return b >= text.length ? 1 : -1;
        const difference = (text[a] ?? 0) - (text[b] ?? 0);
        if (difference !== 0) return difference;
      }
    };
    fc.assert(
      fc.property(tokens(60), (text) => {
        const expected = [...text.keys()].sort(compare(text));
        expect([...suffixArray(Int32Array.from(text))]).toEqual(expected);
      }),
    );
  });
});

/** The same by trying every start, end and record. */
function bruteForce(records: readonly number[][], answer: readonly number[]) {
  const holds = (record: readonly number[], part: readonly number[]) =>
    record.some((_, at) => part.every((token, i) => record[at + i] === token));
  const spans: { start: number; end: number; records: number[] }[] = [];
  let furthest = 0;
  for (let start = 0; start < answer.length; start++) {
    let end = start;
    while (end < answer.length && records.some((record) => holds(record, answer.slice(start, end + 1))))
      end++;
    if (end <= furthest || end === start) continue;
    furthest = end;
    const part = answer.slice(start, end);
    spans.push({ start, end, records: [...records.keys()].filter((i) => holds(records[i] ?? [], part)) });
  }
  return spans;
}

describe('SpanIndex', () => {
  it('finds what brute force finds', () => {
    fc.assert(
      fc.property(fc.array(tokens(20), { minLength: 1, maxLength: 6 }), tokens(25), (records, answer) => {
        expect(new SpanIndex(records).spansOf(answer, everything)).toEqual(bruteForce(records, answer));
      }),
      { numRuns: 500 },
    );
  });

  it('drops matches that chance explains and those that everybody holds', () => {
    const common = Array.from({ length: 100 }, () => [1, 2, 3, 4, 5]);
    const records = [...common, [9, 8, 7, 6, 5, 4]];
    const index = new SpanIndex(records);
    expect(index.spansOf([1, 2, 3, 4, 5])).toEqual([]);
    expect(index.spansOf([9, 8, 7, 6, 5, 4])).toEqual([{ start: 0, end: 6, records: [100] }]);
    expect(index.spansOf([9, 8, 7])).toEqual([]);
  });
});
