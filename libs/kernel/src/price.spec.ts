import fc from 'fast-check';
import { feeOf } from './price.js';

const price = { promptWeiPerMillion: 2_000_000n, completionWeiPerMillion: 6_000_000n };

describe('feeOf', () => {
  it('charges prompt and completion by their own price', () => {
    expect(feeOf(price, { promptTokens: 10, completionTokens: 5 })).toBe(50n);
  });

  it('floors once, over the sum, and never below 1 wei', () => {
    const half = { promptWeiPerMillion: 500_000n, completionWeiPerMillion: 500_000n };
    expect(feeOf(half, { promptTokens: 1, completionTokens: 1 })).toBe(1n);
    expect(feeOf(half, { promptTokens: 3, completionTokens: 0 })).toBe(1n);
    expect(feeOf(half, { promptTokens: 1, completionTokens: 0 })).toBe(1n);
  });

  it('costs nothing without tokens or without a price', () => {
    expect(feeOf(price, { promptTokens: 0, completionTokens: 0 })).toBe(0n);
    const free = { promptWeiPerMillion: 0n, completionWeiPerMillion: 0n };
    expect(feeOf(free, { promptTokens: 9, completionTokens: 9 })).toBe(0n);
  });

  it('never exceeds the exact price by a whole wei, and grows with use', () => {
    const tokens = fc.nat(2 ** 31 - 1);
    const wei = fc.bigInt(0n, 10n ** 27n);
    fc.assert(
      fc.property(tokens, tokens, wei, wei, (promptTokens, completionTokens, prompt, completion) => {
        const given = { promptWeiPerMillion: prompt, completionWeiPerMillion: completion };
        const fee = feeOf(given, { promptTokens, completionTokens });
        const exact = BigInt(promptTokens) * prompt + BigInt(completionTokens) * completion;
        expect(fee * 1_000_000n < exact + 1_000_000n).toBe(true);
        expect(feeOf(given, { promptTokens: promptTokens + 1, completionTokens }) >= fee).toBe(true);
      }),
    );
  });
});
