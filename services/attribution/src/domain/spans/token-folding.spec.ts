import { TokenFolding } from './token-folding.js';

const texts = [
  'The',
  ' the',
  'THE',
  '\ufffd',
  'x\ufffd',
  '\n',
  ' ',
  'ﬁ',
  'fi',
  ' FI',
  'é',
  'e\u0301',
  '',
  'than',
];
const folded = (...tokens: number[]) => [...new TokenFolding((token) => texts[token] ?? '').fold(tokens)];

describe('TokenFolding', () => {
  it('takes as one what reads alike', () => {
    expect(folded(0, 1, 2, 13, 0)).toEqual([0, 0, 0, 13, 0]);
    expect(folded(9, 8, 7)).toEqual([9, 9, 9]);
    expect(folded(11, 10)).toEqual([11, 11]);
  });

  it('keeps apart pieces of characters, kinds of white space, and tokens without text', () => {
    expect(folded(3, 4, 5, 6, 12, 99)).toEqual([3, 4, 5, 6, 12, 99]);
  });
});
