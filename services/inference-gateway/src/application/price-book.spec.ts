import { DomainError, type Price } from '@openledger/kernel';
import type { PriceQuote } from './payment-ports.js';
import { PriceBook } from './price-book.js';

const priced = (completionWeiPerMillion: bigint): Price => ({
  promptWeiPerMillion: 0n,
  completionWeiPerMillion,
});
const GOOD_FOR_MS = 600_000;

/** Settlement in time that a test sets. */
class Teller {
  nowMs = 0;
  asked = 0;
  errors = 0;
  quote: PriceQuote | undefined = { price: priced(1n), goodForMs: GOOD_FOR_MS };
  readonly book = new PriceBook({
    prices: {
      price: async () => {
        this.asked += 1;
        if (this.quote) return this.quote;
        throw new DomainError('unavailable', 'UPSTREAM_UNAVAILABLE', 'away');
      },
    },
    elapsedMs: () => this.nowMs,
    onError: () => {
      this.errors += 1;
    },
  });

  async wei(lastKnown?: Price): Promise<bigint> {
    return (await this.book.priceOf('model', lastKnown)).completionWeiPerMillion;
  }
}

describe('the price book', () => {
  let teller: Teller;
  beforeEach(() => {
    teller = new Teller();
  });

  it('asks once for however many begin, and not again while the answer is fresh', async () => {
    const prices = await Promise.all(Array.from({ length: 20 }, () => teller.wei(priced(9n))));
    expect(new Set(prices)).toEqual(new Set([1n]));
    teller.nowMs = GOOD_FOR_MS / 2 - 1;
    await teller.wei();
    expect(teller.asked).toBe(1);
  });

  it('refreshes beside the requests, and before the answer goes bad', async () => {
    await teller.wei();
    teller.quote = { price: priced(2n), goodForMs: GOOD_FOR_MS };
    teller.nowMs = GOOD_FOR_MS / 2;
    expect(await teller.wei()).toBe(1n);
    expect(await teller.wei()).toBe(2n);
    expect(teller.asked).toBe(2);
  });

  it('changes the price when it was announced to, without a call', async () => {
    teller.quote = { price: priced(1n), next: { price: priced(5n), inMs: 1_000 }, goodForMs: GOOD_FOR_MS };
    await teller.wei();
    teller.nowMs = 999;
    expect(await teller.wei()).toBe(1n);
    teller.nowMs = 1_000;
    expect(await teller.wei()).toBe(5n);
    expect(teller.asked).toBe(1);
  });

  it('waits for what may be out of date', async () => {
    await teller.wei();
    teller.quote = { price: priced(2n), goodForMs: GOOD_FOR_MS };
    teller.nowMs = GOOD_FOR_MS;
    expect(await teller.wei()).toBe(2n);
  });

  it('goes on by what was known while settlement is away, change included, and asks now and then', async () => {
    teller.quote = {
      price: priced(1n),
      next: { price: priced(5n), inMs: GOOD_FOR_MS + 10 },
      goodForMs: GOOD_FOR_MS,
    };
    await teller.wei();
    teller.quote = undefined;
    teller.nowMs = GOOD_FOR_MS;
    expect([await teller.wei(), await teller.wei()]).toEqual([1n, 1n]);
    expect([teller.asked, teller.errors]).toEqual([2, 1]);
    teller.nowMs = GOOD_FOR_MS + 10;
    expect(await teller.wei()).toBe(5n);
    teller.nowMs = GOOD_FOR_MS + 5_000;
    teller.quote = { price: priced(7n), goodForMs: GOOD_FOR_MS };
    expect(await teller.wei()).toBe(7n);
  });

  it('takes what was kept for what settlement does not know yet, and nothing for nothing', async () => {
    teller.quote = undefined;
    expect(await teller.wei(priced(3n))).toBe(3n);
    await expect(teller.wei()).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
  });

  it('keeps the prices of the models asked for last', async () => {
    for (let model = 0; model <= 10_000; model += 1) await teller.book.priceOf(`model-${model}`, undefined);
    await teller.book.priceOf('model-10000', undefined);
    expect(teller.asked).toBe(10_001);
    await teller.book.priceOf('model-0', undefined);
    expect(teller.asked).toBe(10_002);
  });
});
