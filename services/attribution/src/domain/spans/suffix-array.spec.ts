import fc from 'fast-check';
import { suffixArray } from './suffix-array.js';

const naive = (text: readonly number[]) =>
  [...text.keys()].sort((a, b) => {
    for (; a < text.length && b < text.length; a++, b++) {
      const difference = (text[a] ?? 0) - (text[b] ?? 0);
      if (difference !== 0) return difference;
    }
    return b - a;
  });

const expectSorted = (text: readonly number[], alphabet: number) =>
  expect([...suffixArray(Int32Array.from(text), alphabet)]).toEqual(naive(text));

const texts = (alphabet: number, maxLength: number) =>
  fc.array(fc.integer({ min: 0, max: alphabet - 1 }), { maxLength });

describe('suffixArray', () => {
  it.each([
    [1, 60, 200],
    [2, 60, 2000],
    [3, 120, 2000],
    [8, 400, 500],
    [65_536, 200, 1000],
  ])('sorts texts of %i symbols as comparing does', (alphabet, maxLength, numRuns) => {
    fc.assert(
      fc.property(texts(alphabet, maxLength), (text) => expectSorted(text, alphabet)),
      { numRuns },
    );
  });

  it('sorts runs and repetitions, which make blocks equal at every level', () => {
    const runs = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 30 })), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(runs, fc.integer({ min: 1, max: 4 }), (parts, times) => {
        const text = parts.flatMap(([symbol, length]) => new Array<number>(length).fill(symbol));
        expectSorted(Array.from({ length: times }, () => text).flat(), 4);
      }),
      { numRuns: 500 },
    );
  });

  it('sorts the empty text, one symbol, and a Fibonacci word', () => {
    expectSorted([], 0);
    expectSorted([7], 8);
    let [before, word] = [[1], [0]];
    while (word.length < 1500) [before, word] = [word, [...word, ...before]];
    expectSorted(word, 2);
  });
});
