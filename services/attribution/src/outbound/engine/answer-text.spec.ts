import { IncrementalDecoder } from '@openledger/transformer';
import { answerText } from './answer-text.js';

describe('answerText', () => {
  it('gives the character at which each token begins, also where a character has several tokens', () => {
    const bytes = [...Buffer.from('né €5')];
    const { text, offsets } = answerText(
      new IncrementalDecoder((tokens) => Buffer.from(tokens).toString('utf8')),
      bytes,
    );
    expect(text).toBe('né €5');
    // n | é é | space | € € € | 5 | end
    expect(offsets).toEqual([0, 1, 1, 2, 3, 3, 3, 4, 5]);
  });
});
