import { firstSentences } from './medquad.js';

describe('the beginning of an answer', () => {
  const upTo = (length: number) => (part: string) => part.length <= length;

  it('is as many whole sentences as fit, on one line', () => {
    const text = 'One is here.\n  Is two?   Three goes on.';
    expect(firstSentences(text, upTo(20))).toBe('One is here. Is two?');
    expect(firstSentences(text, upTo(19))).toBe('One is here.');
    expect(firstSentences(text, upTo(99))).toBe('One is here. Is two? Three goes on.');
  });

  it('does not end at a point inside a number, nor without an end', () => {
    expect(firstSentences('About 1.5 of 100 have it. And so', upTo(99))).toBe('About 1.5 of 100 have it.');
  });

  it('is empty where the first sentence does not fit', () => {
    expect(firstSentences('A long sentence is here. Short.', upTo(10))).toBe('');
  });
});
