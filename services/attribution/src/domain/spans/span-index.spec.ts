import { sha256 } from '@openledger/kernel';
import fc from 'fast-check';
import type { SpanOptions, TokenSpan } from './find-spans.js';
import type { SpanDocument } from './shard.js';
import { SpanIndex } from './span-index.js';

const everything: SpanOptions = { tokensMin: 1, chanceMax: Number.POSITIVE_INFINITY };
/** Small enough that a dozen documents fill every tier. */
const tiny = { smallest: 16, fanOut: 2, largest: 64 };

const tokens = (maxLength: number) => fc.array(fc.integer({ min: 0, max: 3 }), { maxLength });
const texts = fc.array(tokens(20), { minLength: 1, maxLength: 14 });

const documentsOf = (all: readonly (readonly number[])[]): SpanDocument[] =>
  all.map((text, record) => ({
    record,
    owner: record % 3,
    registered: (record * 7) % 5,
    contentHash: sha256(JSON.stringify(text)),
    tokens: text,
  }));

const ownedBy = (owner: number, text: readonly number[], more: Partial<SpanDocument> = {}): SpanDocument => ({
  record: owner,
  owner,
  registered: owner,
  contentHash: sha256(JSON.stringify(text)),
  tokens: text,
  ...more,
});

/** The same by trying every start, end and document. */
function bruteForce(documents: readonly SpanDocument[], answer: readonly number[], options: SpanOptions) {
  const { bounds } = options;
  const countIn = ({ tokens: text }: SpanDocument, part: readonly number[]) =>
    Array.from(text).filter((_, at) => part.every((token, i) => text[at + i] === token)).length;
  const spans: Pick<TokenSpan, 'start' | 'end' | 'records' | 'occurrences'>[] = [];
  let furthest = 0;
  for (let start = 0; start < answer.length; start++) {
    if (bounds?.begins[start] === 0) continue;
    for (let end = answer.length; end > Math.max(start, furthest); end--) {
      const isCut =
        bounds !== undefined && answer.slice(start, end - 1).some((_, i) => bounds.cuts[start + i] === 1);
      if (bounds?.ends[end - 1] === 0 || isCut) continue;
      const part = answer.slice(start, end);
      const holders = documents.filter((document) => countIn(document, part) > 0);
      if (holders.length === 0) continue;
      furthest = end;
      const occurrences = holders.reduce((sum, document) => sum + countIn(document, part), 0);
      const records = holders.map(({ record }) => record).sort((a, b) => a - b);
      spans.push({ start, end, records, occurrences });
    }
  }
  return spans;
}

const bare = (spans: readonly TokenSpan[]) =>
  spans.map(({ start, end, records, occurrences }) => ({ start, end, records, occurrences }));

describe('SpanIndex', () => {
  it('finds what brute force finds', () => {
    fc.assert(
      fc.property(texts, tokens(25), (all, answer) => {
        const documents = documentsOf(all);
        const index = SpanIndex.build(documents, tiny);
        expect(bare(index.spansOf(answer, everything))).toEqual(bruteForce(documents, answer, everything));
      }),
      { numRuns: 1000 },
    );
  });

  it('keeps to the bounds of words and sentences', () => {
    const flags = fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 25, maxLength: 25 });
    fc.assert(
      fc.property(texts, tokens(25), fc.tuple(flags, flags, flags), (all, answer, [begins, ends, cuts]) => {
        const documents = documentsOf(all);
        const options = { ...everything, bounds: { begins, ends, cuts } };
        expect(bare(SpanIndex.build(documents, tiny).spansOf(answer, options))).toEqual(
          bruteForce(documents, answer, options),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('finds the same after any appends and withdrawals as a fresh shard of what is left', () => {
    const steps = fc.array(
      fc.oneof(
        fc.nat(5).map((append) => ({ append })),
        fc.nat(13).map((withdraw) => ({ withdraw })),
      ),
      { minLength: 1, maxLength: 14 },
    );
    fc.assert(
      fc.property(texts, steps, tokens(25), (all, history, answer) => {
        const waiting = documentsOf(all);
        let live: SpanDocument[] = [];
        let index = SpanIndex.build([], tiny);
        for (const step of history) {
          if ('append' in step) {
            const added = waiting.splice(0, step.append);
            index = index.append(added);
            live.push(...added);
          } else {
            index = index.withdraw([step.withdraw]);
            live = live.filter(({ record }) => record !== step.withdraw);
          }
        }
        expect(index.spansOf(answer, everything)).toEqual(SpanIndex.build(live).spansOf(answer, everything));
      }),
      { numRuns: 1000 },
    );
  });

  it('keeps few shards, and builds one again when a fifth of it is withdrawn', () => {
    const documents = documentsOf(Array.from({ length: 200 }, (_, i) => [i % 4, i % 7, i % 11]));
    let index = SpanIndex.build([], tiny);
    for (const document of documents) index = index.append([document]);
    const sizes = index.shards.map(({ shard }) => shard.text.length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(800);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(tiny.largest);
    // Fewer than `fanOut` in each tier below the last, whose shards are more than half full.
    expect(sizes.filter((size) => size <= tiny.largest / 2).length).toBeLessThanOrEqual(2);
    const one = SpanIndex.build(documents);
    const records = (many: number) => documents.slice(0, many).map(({ record }) => record);
    expect(one.withdraw(records(40)).shards[0]?.dead).toHaveLength(40);
    expect(one.withdraw(records(41)).shards[0]).toMatchObject({ dead: [], deadTokens: 0 });
    expect(one.withdraw(records(200)).spansOf([0, 0, 0], everything)).toEqual([]);
    expect(one.withdraw([999]).shards).toEqual(one.shards);
  });

  it('drops matches that chance explains', () => {
    const index = SpanIndex.build([ownedBy(0, [9, 8, 7, 6, 5, 4]), ownedBy(1, Array<number>(500).fill(1))]);
    expect(index.spansOf([1, 1, 1, 1, 1])).toEqual([]);
    expect(index.spansOf([9, 8, 7])).toEqual([]);
    const [span] = index.spansOf([9, 8, 7, 6, 5, 4]);
    expect(span).toMatchObject({ start: 0, end: 6, records: [0], parties: ['0'], standing: 'owned' });
    expect(span?.significance).toBeCloseTo(-Math.log(506 * (1 / 506) ** 6), 9);
  });

  it('shows what more than eight parties hold as common knowledge', () => {
    const saying = [5, 6, 7, 8, 9];
    const filler = ownedBy(99, Array<number>(400).fill(1));
    const holders = (many: number) => Array.from({ length: many }, (_, i) => ownedBy(i, [...saying, 10 + i]));
    const spanOf = (many: number, options: SpanOptions = {}) =>
      SpanIndex.build([...holders(many), filler]).spansOf(saying, options)[0];
    expect(spanOf(8)).toMatchObject({ standing: 'owned' });
    expect(spanOf(9)).toMatchObject({ standing: 'common', records: [0, 1, 2, 3, 4, 5, 6, 7, 8] });
    const united = spanOf(9, { partyOf: (owner) => (owner < 5 ? 'guild' : `p${owner}`) });
    expect(united).toMatchObject({ standing: 'owned', parties: ['guild', 'p5', 'p6', 'p7', 'p8'] });
  });

  it('calls boilerplate what too many documents hold or what is repeated too often', () => {
    const line = [5, 6, 7, 8, 9];
    const copies = Array.from({ length: 30 }, (_, i) => ownedBy(i, [...line, 100 + i], { owner: 0 }));
    const filler = ownedBy(99, Array<number>(9000).fill(1));
    const index = SpanIndex.build([...copies, filler]);
    const boilerplate = { standing: 'boilerplate', occurrences: 30, records: [], origins: [], parties: [] };
    expect(index.spansOf(line, { documentsMax: 30 })).toMatchObject([{ standing: 'owned', occurrences: 30 }]);
    expect(index.spansOf(line, { documentsMax: 29 })).toMatchObject([boilerplate]);
    expect(index.spansOf(line, { occurrencesMax: 29 })).toMatchObject([boilerplate]);
    expect(index.withdraw([3]).spansOf(line, { documentsMax: 29 })).toMatchObject([{ standing: 'owned' }]);
  });

  it('gives a copied content to who registered it first, wherever the copies lie', () => {
    const text = [4, 8, 15, 16, 23, 42];
    const thief = ownedBy(0, text, { registered: 2000 });
    const author = ownedBy(7, text, { registered: 1000 });
    const filler = ownedBy(9, Array<number>(300).fill(1));
    for (const documents of [
      [thief, author, filler],
      [filler, author, thief],
    ]) {
      let index = SpanIndex.build([], tiny);
      for (const document of documents) index = index.append([document]);
      expect(index.spansOf(text)).toMatchObject([{ records: [0, 7], origins: [7], parties: ['7'] }]);
      expect(index.withdraw([7]).spansOf(text)).toMatchObject([{ records: [0], parties: ['0'] }]);
    }
  });

  it('takes more distinct tokens than two bytes tell apart, and texts and answers without tokens', () => {
    const wide = Array.from({ length: 70_000 }, (_, i) => 200_000 + i);
    const index = SpanIndex.build([ownedBy(1, wide), ownedBy(2, [])]);
    expect(index.shards[0]?.shard.text).toBeInstanceOf(Uint32Array);
    expect(index.spansOf([...wide.slice(66_000, 66_010), 5])).toMatchObject([
      { start: 0, end: 10, records: [1] },
    ]);
    expect(index.spansOf([])).toEqual([]);
    expect(SpanIndex.build([]).spansOf([1, 2, 3, 4])).toEqual([]);
  });

  it('refuses records twice, ids out of range and digests that are none', () => {
    const code = (value: string) => expect.objectContaining({ code: value });
    const index = SpanIndex.build([ownedBy(1, [1])]);
    expect(() => index.append([ownedBy(1, [2])])).toThrow(code('RECORD_INDEXED'));
    expect(() => index.append([ownedBy(2, [2]), ownedBy(2, [2])])).toThrow(code('RECORD_INDEXED'));
    expect(
      index
        .withdraw([1])
        .append([ownedBy(1, [2])])
        .spansOf([2], everything),
    ).toHaveLength(1);
    expect(() => index.append([ownedBy(2, [1 << 20])])).toThrow(code('TOKEN_OUT_OF_RANGE'));
    expect(() => index.append([ownedBy(2, [-2])])).toThrow(code('TOKEN_OUT_OF_RANGE'));
    const malformed = ownedBy(2, [2], { contentHash: 'none' });
    expect(() => index.append([malformed])).toThrow(code('CONTENT_HASH_MALFORMED'));
  });
});
