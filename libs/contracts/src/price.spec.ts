import { fromPrice, toPrice } from './price.js';

const wire = { promptWeiPerMillion: '5', completionWeiPerMillion: '1000000000000000000000' };

describe('prices on the wire', () => {
  it('come back as they were', () => {
    for (const price of [wire, { ...wire, cachedPromptWeiPerMillion: '0' }]) {
      expect(fromPrice(toPrice(price))).toEqual(price);
    }
  });

  it('have a cached class only where it is told', () => {
    const plain = { promptWeiPerMillion: 5n, completionWeiPerMillion: 10n ** 21n };
    expect(toPrice({ ...wire, cachedPromptWeiPerMillion: '' })).toEqual(plain);
    expect(toPrice({ ...wire, cachedPromptWeiPerMillion: undefined })).toEqual(plain);
  });

  it('are refused where they are no prices', () => {
    const refusal = (fields: object) => {
      try {
        return toPrice({ ...wire, ...fields });
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    expect(refusal({ cachedPromptWeiPerMillion: '6' })).toBe('PRICE_INVALID');
    for (const text of ['-1', '1.5', 'x', ''])
      expect(refusal({ promptWeiPerMillion: text })).toMatch(/^[A-Z_]+$/);
  });
});
