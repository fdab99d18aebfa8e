import type { TokenSpan } from './find-spans.js';
import { spanCredits, spanGain } from './span-credits.js';

const span = (start: number, end: number, more: Partial<TokenSpan> = {}): TokenSpan => ({
  start,
  end,
  standing: 'owned',
  occurrences: 1,
  significance: 100,
  records: [0],
  origins: [0],
  parties: ['ann'],
  ...more,
});
const creditsOf = (spans: readonly TokenSpan[], gains: readonly number[]) =>
  Object.fromEntries(spanCredits(spans, gains));

describe('spanCredits', () => {
  it('pays what the adapter added, and nothing where the base model knew better', () => {
    expect(creditsOf([span(1, 4)], [9, 2, -5, 0.5, 9])).toEqual({ ann: 2.5 });
    expect(creditsOf([span(0, 2)], [Number.NaN, -1])).toEqual({});
    expect(spanGain({ start: 1, end: 4 }, [9, 2, -5, 0.5, 9])).toBe(2.5);
  });

  it('splits a token between the parties that hold it, however many records or spans they have', () => {
    const spans = [
      span(0, 3, { parties: ['ann', 'bob'] }),
      span(1, 4, { parties: ['bob'], records: [3, 4] }),
    ];
    expect(creditsOf(spans, [2, 2, 2, 2])).toEqual({ ann: 3, bob: 5 });
  });

  it('counts a span that chance nearly explains for less', () => {
    expect(creditsOf([span(0, 1, { significance: 15 })], [2])).toEqual({ ann: 1 });
    expect(
      creditsOf([span(0, 2, { significance: 15 }), span(1, 3, { significance: 60 })], [2, 2, 2]),
    ).toEqual({
      ann: 5,
    });
  });

  it('pays nothing for common knowledge and boilerplate, also where they overlap what is owned', () => {
    const common = span(0, 4, { standing: 'common', parties: ['bob', 'cid'] });
    const boilerplate = span(0, 4, { standing: 'boilerplate', parties: [] });
    expect(creditsOf([common, boilerplate], [1, 1, 1, 1])).toEqual({});
    expect(creditsOf([common, span(2, 4)], [1, 1, 1, 1])).toEqual({ ann: 2 });
  });
});
