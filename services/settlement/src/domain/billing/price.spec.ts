import { cachedPriceOf, feeOf, type Price } from '@openledger/kernel';
import fc from 'fast-check';
import {
  ADMITTED_WITHIN_MS,
  announce,
  type PriceVersion,
  priceInForce,
  raises,
  type ToldPrice,
  versionAfter,
  versionAt,
} from './price.js';

const NOW = new Date('2026-11-21T12:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOTICE = { raiseMs: DAY, reductionMs: 600_000 };
const later = (ms: number) => new Date(NOW.getTime() + ms);
const priced = (completion: bigint, prompt = 0n): Price => ({
  promptWeiPerMillion: prompt,
  completionWeiPerMillion: completion,
});
const version = (number: number, afterMs: number, price: Price): PriceVersion => ({
  modelId: 'model',
  number,
  price,
  effectiveAt: later(afterMs),
  announcedAt: NOW,
});
const told = (price: Price): ToldPrice => ({
  promptWeiPerMillion: price.promptWeiPerMillion.toString(),
  completionWeiPerMillion: price.completionWeiPerMillion.toString(),
  ...(price.cachedPromptWeiPerMillion === undefined
    ? {}
    : { cachedPromptWeiPerMillion: price.cachedPromptWeiPerMillion.toString() }),
});
const codeOf = (work: () => unknown): string | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('the price of an answer', () => {
  const cheap = version(1, 0, priced(10n));
  const dear = version(2, 2 * DAY, priced(20n));
  const list = [dear, cheap];

  it('changes at the very millisecond at which a version takes effect', () => {
    expect(versionAt(list, later(2 * DAY - 1))).toBe(cheap);
    expect(versionAt(list, later(2 * DAY))).toBe(dear);
    expect(priceInForce(list, later(2 * DAY - 1))).toBe(cheap);
    expect(priceInForce(list, later(2 * DAY))).toBe(dear);
  });

  it('is that of the first version before it, and none without a list', () => {
    expect(versionAt(list, later(-DAY))).toBe(cheap);
    expect(priceInForce([], NOW, told(priced(1n)))).toBeUndefined();
  });

  it('is the one that was promised at admission, as long as an answer may run', () => {
    const at = (ms: number) => priceInForce(list, later(2 * DAY + ms), told(cheap.price));
    expect(at(0)).toBe(cheap);
    expect(at(ADMITTED_WITHIN_MS - 1)).toBe(cheap);
    // At the start of the hour the raise was in force already.
    expect(at(ADMITTED_WITHIN_MS)).toBe(dear);
  });

  it('is never that of a raise before its time, whoever told it', () => {
    expect(priceInForce(list, later(2 * DAY - 1), told(dear.price))).toBe(cheap);
    expect(priceInForce(list, later(2 * DAY), told(dear.price))).toBe(dear);
  });

  it('is that of the list where something else was told', () => {
    for (const invented of [priced(9n), priced(10n, 1n)]) {
      expect(priceInForce(list, NOW, told(invented))).toBe(cheap);
    }
    const words = { promptWeiPerMillion: 'x', completionWeiPerMillion: '', cachedPromptWeiPerMillion: '-1' };
    expect(priceInForce(list, NOW, words)).toBe(cheap);
  });

  it('tells versions apart by their cached class', () => {
    const plain = version(1, 0, priced(10n, 4n));
    const caching = version(2, HOUR / 2, { ...priced(10n, 4n), cachedPromptWeiPerMillion: 1n });
    const at = (words: ToldPrice) => priceInForce([plain, caching], later(HOUR / 2 + 1), words);
    expect(at(told(plain.price))).toBe(plain);
    expect(at({ ...told(plain.price), cachedPromptWeiPerMillion: '' })).toBe(plain);
    expect(at({ ...told(plain.price), cachedPromptWeiPerMillion: '4' })).toBe(plain);
    expect(at(told(caching.price))).toBe(caching);
  });

  it('is that of what was announced last for a time, and the other one never was in force', () => {
    const corrected = version(3, 2 * DAY, priced(15n));
    const all = [cheap, dear, corrected];
    expect(priceInForce(all, later(2 * DAY), told(dear.price))).toBe(corrected);
    expect(versionAfter(all, NOW)).toBe(corrected);
    expect(versionAfter(all, later(2 * DAY))).toBeUndefined();
  });

  it('agrees with a list that is read line by line, and costs no more than what was in force since admission', () => {
    const lines = fc.array(
      fc.record({
        minute: fc.integer({ min: 0, max: 240 }),
        price: fc.bigInt(1n, 6n).map((wei) => priced(wei)),
      }),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(lines, fc.integer({ min: -10, max: 260 }), fc.bigInt(1n, 7n), (drawn, minute, toldWei) => {
        const versions = drawn.map((line, i) => version(i + 1, line.minute * 60_000, line.price));
        const servedAt = later(minute * 60_000);
        const inForce = (at: number) => {
          let found: PriceVersion | undefined;
          for (const one of versions) {
            const starts = one.effectiveAt.getTime();
            if (starts <= at && starts >= (found?.effectiveAt.getTime() ?? Number.NEGATIVE_INFINITY))
              found = one;
          }
          return found ?? versionAt(versions, new Date(at));
        };
        expect(versionAt(versions, servedAt)).toBe(inForce(servedAt.getTime()));
        const promised = new Set<bigint | undefined>();
        for (let ms = ADMITTED_WITHIN_MS; ms >= 0; ms -= 60_000) {
          promised.add(inForce(servedAt.getTime() - ms)?.price.completionWeiPerMillion);
        }
        const charged = priceInForce(versions, servedAt, told(priced(toldWei)))?.price
          .completionWeiPerMillion;
        const own = inForce(servedAt.getTime())?.price.completionWeiPerMillion;
        expect(charged).toBe(promised.has(toldWei) ? toldWei : own);
      }),
    );
  });
});

describe('announcing a price', () => {
  const list = [version(1, -DAY, priced(10n)), version(2, 3 * DAY, priced(5n))];
  const wish = (price: Price, afterMs?: number) =>
    announce(list, { price, ...(afterMs === undefined ? {} : { effectiveAt: later(afterMs) }) }, NOTICE, NOW);

  it('takes a raise after its notice and a reduction after a shorter one', () => {
    expect(wish(priced(11n))).toEqual({ effectiveAt: later(DAY) });
    expect(wish(priced(11n), DAY)).toEqual({ effectiveAt: later(DAY) });
    expect(codeOf(() => wish(priced(11n), DAY - 1))).toBe('PRICE_NOTICE_TOO_SHORT');
    expect(wish(priced(9n))).toEqual({ effectiveAt: later(NOTICE.reductionMs) });
    expect(codeOf(() => wish(priced(9n), NOTICE.reductionMs - 1))).toBe('PRICE_NOTICE_TOO_SHORT');
    expect(codeOf(() => wish(priced(9n), -1))).toBe('PRICE_NOTICE_TOO_SHORT');
  });

  it('knows a raise by what is in force when it comes', () => {
    const reduced = [version(1, -DAY, priced(10n)), version(2, HOUR, priced(5n))];
    const between = { price: priced(9n), effectiveAt: later(2 * HOUR) };
    expect(codeOf(() => announce(reduced, between, NOTICE, NOW))).toBe('PRICE_NOTICE_TOO_SHORT');
    const before = { price: priced(9n), effectiveAt: later(HOUR / 2) };
    expect(announce(reduced, before, NOTICE, NOW)).toEqual({ effectiveAt: later(HOUR / 2) });
  });

  it('sees a raise in any class', () => {
    const now = { ...priced(10n, 4n), cachedPromptWeiPerMillion: 2n };
    expect(raises(now, priced(9n, 4n))).toBe(true);
    expect(raises(now, { ...now, promptWeiPerMillion: 5n })).toBe(true);
    expect(raises(now, { ...now, completionWeiPerMillion: 11n })).toBe(true);
    expect(raises(now, now)).toBe(false);
    expect(raises(priced(10n, 4n), now)).toBe(false);
  });

  it('answers what is in the list already by its line', () => {
    expect(wish(priced(5n), 3 * DAY)).toEqual({ known: list[1] });
    expect(announce(list, { price: priced(10n), effectiveAt: later(-DAY) }, NOTICE, NOW)).toEqual({
      known: list[0],
    });
  });

  it('refuses what no list has', () => {
    expect(codeOf(() => wish({ ...priced(1n, 1n), cachedPromptWeiPerMillion: 2n }))).toBe('PRICE_INVALID');
    expect(codeOf(() => wish(priced(1n), 367 * DAY))).toBe('PRICE_TOO_FAR_AHEAD');
    const full = Array.from({ length: 1_000 }, (_, i) => version(i + 1, i, priced(1n)));
    expect(codeOf(() => announce(full, { price: priced(2n) }, NOTICE, NOW))).toBe('PRICE_VERSIONS_TOO_MANY');
  });

  it('never makes anything dearer, at any time, than it was known to be a notice before', () => {
    const steps = fc.array(
      fc.record({
        wei: fc.bigInt(1n, 5n),
        waitHours: fc.nat(40),
        inHours: fc.option(fc.nat(80), { nil: undefined }),
      }),
      { maxLength: 15 },
    );
    fc.assert(
      fc.property(steps, (drawn) => {
        let versions: PriceVersion[] = [version(1, 0, priced(3n))];
        let now = NOW;
        const known: { at: Date; versions: readonly PriceVersion[] }[] = [{ at: now, versions }];
        for (const { wei, waitHours, inHours } of drawn) {
          now = new Date(now.getTime() + waitHours * HOUR);
          const effectiveAt = inHours === undefined ? undefined : new Date(now.getTime() + inHours * HOUR);
          const asked = { price: priced(wei), ...(effectiveAt ? { effectiveAt } : {}) };
          try {
            const place = announce(versions, asked, NOTICE, now);
            if ('known' in place) continue;
            const number = versions.length + 1;
            versions = [...versions, { ...version(number, 0, asked.price), ...place, announcedAt: now }];
          } catch (error) {
            expect((error as { code: string }).code).toBe('PRICE_NOTICE_TOO_SHORT');
          }
          known.push({ at: now, versions });
        }
        const usage = { promptTokens: 0, completionTokens: 1_000_000 };
        const feeAt = (list: readonly PriceVersion[], at: Date) =>
          feeOf(versionAt(list, at)?.price ?? priced(0n), usage);
        for (let hours = 24; hours < 24 * 12; hours += 1) {
          const at = later(hours * HOUR);
          const before = known.findLast((one) => one.at.getTime() <= at.getTime() - DAY);
          if (before) expect(feeAt(versions, at) <= feeAt(before.versions, at)).toBe(true);
        }
      }),
    );
  });

  it('knows what a cached token costs without a price of its own', () => {
    expect(cachedPriceOf(priced(1n, 7n))).toBe(7n);
  });
});
