import { allowsCommercialUse } from './licence-rule.js';

const leaf = (licence: string) => ({ licence });

describe('allowsCommercialUse', () => {
  it('follows the expression', () => {
    const [free, bound] = [leaf('CC-BY-4.0'), leaf('CC-BY-NC-SA-4.0')];
    expect(allowsCommercialUse(free)).toBe(true);
    expect(allowsCommercialUse(bound)).toBe(false);
    expect(allowsCommercialUse({ any: [free, bound] })).toBe(true);
    expect(allowsCommercialUse({ all: [free, bound] })).toBe(false);
    expect(allowsCommercialUse(leaf('NCSA'))).toBe(true);
  });
});
