import { answerPositions } from './answer-bounds.js';

/** Tokens as texts; '' leaves a character unfinished. */
function positionsOf(tokens: readonly string[]) {
  const offsets = [0];
  for (const token of tokens) offsets.push((offsets.at(-1) ?? 0) + token.length);
  return answerPositions(tokens.join(''), offsets);
}
/** Tokens with | where a span may begin, ] where it may end, # where it must. */
function marked(tokens: readonly string[]) {
  const { begins, ends, cuts } = positionsOf(tokens);
  return tokens
    .map((token, i) => `${begins[i] ? '|' : ''}${token}${ends[i] ? ']' : ''}${cuts[i] ? '#' : ''}`)
    .join(' ');
}

describe('answerPositions', () => {
  it('begins and ends between words', () => {
    expect(marked(['The', ' har', 'bour', ' mas', 'ter', "'", 's', ' boat', ',', ' 3', '.', '5'])).toBe(
      "|The] | har bour] | mas ter ' s] | boat] |,] | 3] |.] |5]",
    );
  });

  it('leaves a space to the word after it', () => {
    expect(marked(['two', ' ', 'words', ' ', '\n'])).toBe('|two] |  |words] |  |\n]#');
  });

  it('ends with the sentence or the line', () => {
    expect(marked(['It', ' ends', '.', ' “', 'No', '!', '”', ' Yes', '.\n', 'So', ' v', '1', '.', '2'])).toBe(
      '|It] | ends] |.]# | “] |No] |!] |”]# | Yes] |.\n]# |So] | v 1] |.] |2]',
    );
    expect(marked(['好', '。', '是', 'End', '?'])).toBe('|好] |。]# |是] |End] |?]#');
  });

  it('never cuts a character: its tokens, its marks, its joined emoji, its flag', () => {
    // Four tokens of one emoji, then a family joined by U+200D, a skin tone, two flags, and a decomposed é.
    expect(marked(['a', '', '', '', '😀', 'b'])).toBe('|a] |   😀] |b]');
    expect(marked(['👩', '\u200d', '👧', ' ok'])).toBe('|👩 \u200d 👧] | ok]');
    expect(marked(['👍', '🏽', '!'])).toBe('|👍 🏽] |!]#');
    expect(marked(['🇩', '🇪', '🇫', '🇷'])).toBe('|🇩 🇪] |🇫 🇷]');
    expect(marked(['caf', 'e', '\u0301', 's', ' x'])).toBe('|caf e \u0301 s] | x]');
    expect(marked(['1', '\ufe0f\u20e3', 'x'])).toBe('|1 \ufe0f\u20e3 x]');
  });

  it('takes each character as a word where scripts have no spaces', () => {
    expect(marked(['東', '京', 'タワー', 'へ', ' go'])).toBe('|東] |京] |タワー] |へ] | go]');
    expect(marked(['ไ', 'ป', 'นี', '่', 'ำ'])).toBe('|ไ] |ป] |นี ่ ำ]');
    expect(marked(['한', '국', ' 어'])).toBe('|한 국] | 어]');
  });

  it('counts code points', () => {
    expect([...positionsOf(['a', '', '😀', 'e\u0301', '東']).codePoints]).toEqual([0, 1, 1, 2, 4, 5]);
    expect([...positionsOf([]).codePoints]).toEqual([0]);
  });
});
