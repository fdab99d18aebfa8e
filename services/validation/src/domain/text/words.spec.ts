import fc from 'fast-check';
import { normalisedText, wordsOf } from './words.js';

describe('normalisedText', () => {
  it.each([
    ['Don’t  PANIC!', "don't panic"],
    ['ﬁve  ＡＢＣ', 'five abc'],
    ['well-known, “quoted”; (twice)…', 'well known quoted twice'],
    ['naïve café', 'naïve café'],
  ])('takes %p and %p for the same', (a, b) => {
    expect(normalisedText(a)).toBe(normalisedText(b));
  });

  it.each([
    ['2 + 3', '2 × 3'],
    ['-5 degrees', '5 degrees'],
    ['$5', '€5'],
    ['the cat', 'the cats'],
  ])('keeps %p and %p apart', (a, b) => {
    expect(normalisedText(a)).not.toBe(normalisedText(b));
  });

  it('makes a word of each character where none are spaced', () => {
    expect(wordsOf('光合作用 works')).toEqual(['光', '合', '作', '用', 'works']);
  });

  it('changes nothing the second time, and does not see case, spacing or punctuation', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const once = normalisedText(text);
        expect(normalisedText(once)).toBe(once);
        expect(normalisedText(`  ${text.replaceAll(' ', ' \n\t')}`)).toBe(once);
      }),
      { examples: [['-5'], ['- 5'], ['-㏠'], ['3 - 5']] },
    );
  });
});
