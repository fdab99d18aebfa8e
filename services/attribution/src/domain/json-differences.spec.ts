import { jsonDifferences } from './json-differences.js';

describe('jsonDifferences', () => {
  it('finds nothing between equal values, whatever the order of their keys', () => {
    expect(jsonDifferences({ a: [1, { b: null }], c: 'x' }, { c: 'x', a: [1, { b: null }] }, 9)).toEqual([]);
  });

  it('names each place and both values', () => {
    expect(
      jsonDifferences({ a: [1, { b: 2 }], c: 'x', d: {} }, { a: [1, { b: 3 }, 4], c: ['x'], e: false }, 9),
    ).toEqual([
      'a[1].b: 2 is not 3',
      'a[2]: nothing is not 4',
      'c: "x" is not ["x"]',
      'd: {} is not nothing',
      'e: nothing is not false',
    ]);
    expect(jsonDifferences(1, 2, 9)).toEqual(['the whole: 1 is not 2']);
  });

  it('stops at the limit, and cuts long values short', () => {
    const many = (offset: number) => Array.from({ length: 100 }, (_, i) => i + offset);
    expect(jsonDifferences(many(0), many(1), 3)).toHaveLength(3);
    const [difference = ''] = jsonDifferences('a'.repeat(1_000), 'b', 1);
    expect(difference.length).toBeLessThan(120);
  });

  it('tells an absent member from one that everything inherits, and -0 from 0', () => {
    expect(jsonDifferences({}, { constructor: 1 }, 9)).toEqual(['constructor: nothing is not 1']);
    expect(jsonDifferences(0, -0, 9)).toHaveLength(1);
  });
});
