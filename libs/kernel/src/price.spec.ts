import fc from 'fast-check';
import { feeOf, type Price, samePrice } from './price.js';

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

  const tokens = fc.nat(2 ** 31 - 1);
  const wei = fc.bigInt(0n, 10n ** 27n);
  const prices = fc.tuple(wei, wei, wei).map(([cached, more, completionWeiPerMillion]) => ({
    promptWeiPerMillion: cached + more,
    cachedPromptWeiPerMillion: cached,
    completionWeiPerMillion,
  }));

  it('charges cached prompt tokens by their price, and by that of the prompt where they have none', () => {
    const usage = { promptTokens: 10, cachedTokens: 4, completionTokens: 5 };
    expect(feeOf({ ...price, cachedPromptWeiPerMillion: 500_000n }, usage)).toBe(44n);
    expect(feeOf(price, usage)).toBe(50n);
    expect(feeOf({ ...price, cachedPromptWeiPerMillion: 0n }, { ...usage, completionTokens: 0 })).toBe(12n);
  });

  it('floors once over all three classes', () => {
    const third = {
      promptWeiPerMillion: 400_000n,
      cachedPromptWeiPerMillion: 300_000n,
      completionWeiPerMillion: 300_000n,
    };
    expect(feeOf(third, { promptTokens: 2, cachedTokens: 1, completionTokens: 1 })).toBe(1n);
    fc.assert(
      fc.property(prices, tokens, tokens, tokens, (given, promptTokens, cachedTokens, completionTokens) => {
        const cached = BigInt(Math.min(cachedTokens, promptTokens));
        const exact =
          (BigInt(promptTokens) - cached) * given.promptWeiPerMillion +
          cached * given.cachedPromptWeiPerMillion +
          BigInt(completionTokens) * given.completionWeiPerMillion;
        const fee = feeOf(given, { promptTokens, cachedTokens, completionTokens });
        expect(fee).toBe(exact > 0n && exact < 1_000_000n ? 1n : exact / 1_000_000n);
      }),
    );
  });

  it('never costs more than what was reserved without knowing what is cached', () => {
    fc.assert(
      fc.property(prices, tokens, tokens, tokens, (given, promptTokens, cachedTokens, completionTokens) => {
        const most = feeOf(given, { promptTokens, completionTokens });
        expect(feeOf(given, { promptTokens, cachedTokens, completionTokens }) <= most).toBe(true);
        const all = feeOf(given, { promptTokens, cachedTokens: promptTokens, completionTokens });
        expect(feeOf(given, { promptTokens, cachedTokens: promptTokens + 1, completionTokens })).toBe(all);
      }),
    );
  });

  it('refuses figures that no price list has', () => {
    const usage = { promptTokens: 1, cachedTokens: 1, completionTokens: 1 };
    const dear: Price = { ...price, cachedPromptWeiPerMillion: price.promptWeiPerMillion + 1n };
    expect(() => feeOf(dear, usage)).toThrow('a cached token costs more than another');
    expect(() => feeOf({ ...price, completionWeiPerMillion: -1n }, usage)).toThrow('negative');
    expect(() => feeOf({ ...price, cachedPromptWeiPerMillion: -1n }, usage)).toThrow('negative');
    expect(() => feeOf(price, { ...usage, cachedTokens: -1 })).toThrow('negative');
  });
});

describe('samePrice', () => {
  it('takes a cached price that is not told for that of the prompt', () => {
    const told = { ...price, cachedPromptWeiPerMillion: price.promptWeiPerMillion };
    expect([samePrice(price, told), samePrice(told, price)]).toEqual([true, true]);
    expect(samePrice(price, { ...price, cachedPromptWeiPerMillion: 0n })).toBe(false);
    expect(samePrice(price, { ...price, completionWeiPerMillion: 0n })).toBe(false);
  });
});
