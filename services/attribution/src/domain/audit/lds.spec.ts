import { normal, seededRandom } from '@openledger/transformer';
import { lds, subsetOutcomes } from './lds.js';

const EXAMPLES = 30;
const SUBSETS = 60;
const QUERIES = 12;
const random = seededRandom(3);
const masks = Array.from({ length: SUBSETS }, () =>
  Array.from({ length: EXAMPLES }, () => (random() < 0.5 ? 0 : 1)),
);
const truth = Array.from({ length: QUERIES }, () => Array.from({ length: EXAMPLES }, () => normal(random)));
const measured = truth.map((effects) => subsetOutcomes(masks, effects));

describe('lds', () => {
  it('is 1 for the true effects of a linear world', () => {
    const result = lds(
      truth.map((effects) => subsetOutcomes(masks, effects)),
      measured,
      seededRandom(1),
    );
    expect(result).toMatchObject({ value: 1, low: 1, high: 1 });
    expect(result.queries).toHaveLength(QUERIES);
  });

  it('is −1 for their negatives, and about 0 for numbers that know nothing', () => {
    const negative = truth.map((effects) =>
      subsetOutcomes(
        masks,
        effects.map((effect) => -effect),
      ),
    );
    expect(lds(negative, measured, seededRandom(1)).value).toBeCloseTo(-1, 12);
    const blind = truth.map(() => Array.from({ length: SUBSETS }, () => random()));
    const { value, low, high } = lds(blind, measured, seededRandom(1));
    expect(Math.abs(value)).toBeLessThan(0.15);
    expect(low).toBeLessThan(0);
    expect(high).toBeGreaterThan(0);
  });

  it('falls with noise', () => {
    const noisy = truth.map((effects) => effects.map((effect) => effect + normal(random)));
    const { value } = lds(
      noisy.map((effects) => subsetOutcomes(masks, effects)),
      measured,
      seededRandom(1),
    );
    expect(value).toBeGreaterThan(0.5);
    expect(value).toBeLessThan(0.9);
  });
});
