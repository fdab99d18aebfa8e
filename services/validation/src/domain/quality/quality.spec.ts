import { wordsOf } from '../text/words.js';
import { qualityOf } from './quality.js';

const rate = (text: string) => qualityOf({ text, words: wordsOf(text) });
const answer = (prompt: string, completion: string) => {
  const text = `${prompt}\n${completion}`;
  return qualityOf({ text, words: wordsOf(text), prompt, completion });
};
const REJECTED_BELOW = 0.35;

describe('qualityOf', () => {
  it.each([
    'A barge carried slate down the canal twice a week until the railway came, and then it carried nothing.',
    'Die Gärtnerin schnitt im Februar die Reben, weil der Saft noch nicht gestiegen war, und band sie an.',
    'const total = items.map((item) => item.price * item.count).reduce((a, b) => a + b, 0); // in wei',
    '光合作用是植物利用阳光把二氧化碳和水变成糖和氧气的过程。',
  ])('rates %p well', (text) => {
    expect(rate(text).score).toBeGreaterThan(0.8);
  });

  it.each([
    ['buy now '.repeat(40), 'repetitive'],
    ['asdfgh qwrtzp lkjhgf mnbvcx xcvbnm dfghjk plmnbv', 'does not read as language'],
    ['#### **** ---- //// a ==== ~~~~ ||||', 'mostly symbols'],
    ['Lorem ipsum dolor sit amet', 'placeholder text'],
    ['Ã©tÃ© lâ€™Ã©cole Ã  cÃ´tÃ© dâ€™une maison oÃ¹ lâ€™on dÃ©jeune', 'damaged characters'],
  ])('rejects %p', (text, weakness) => {
    const { score, weaknesses } = rate(text);
    expect(score).toBeLessThan(REJECTED_BELOW);
    expect(weaknesses).toContain(weakness);
  });

  it('rejects an answer that is the question again, or no answer', () => {
    expect(answer('What is a quern made of?', 'what is a quern made of').score).toBe(0);
    expect(answer('What is a quern made of?', 'N/A').score).toBeLessThan(REJECTED_BELOW);
    expect(answer('What is a quern made of?', 'Usually of basalt or sandstone.').score).toBeGreaterThan(0.8);
  });

  it('thinks less of a text that was cut off', () => {
    const whole = 'The ferry crosses at nine, at noon and whenever somebody rings the bell on the jetty';
    expect(rate(`${whole} and the`).score).toBeLessThan(rate(`${whole}.`).score);
  });
});
