import { sha256 } from '@openledger/kernel';
import { withCopiesMarked } from './copies.js';
import type { SpanDocument } from './shard.js';
import { SpanIndex } from './span-index.js';

const numbered = (from: number, length: number) => Array.from({ length }, (_, i) => from + i);
const documentOf = (record: number, tokens: readonly number[], registered = record): SpanDocument => ({
  record,
  owner: record,
  registered,
  contentHash: sha256(JSON.stringify(tokens)),
  tokens,
});
const copiesAmong = (...documents: readonly SpanDocument[]) =>
  withCopiesMarked(documents)
    .filter(({ isCopy }) => isCopy)
    .map(({ record }) => record);

const ann = numbered(1000, 60);
const bob = numbered(2000, 60);
/** Every fifteenth token is another: runs of 14 are left. */
const changed = ann.map((token, i) => (i % 15 === 14 ? 9000 + i : token));
const stitched = [...ann.slice(10, 40), ...bob.slice(5, 35)];

describe('withCopiesMarked', () => {
  it('marks what repeats earlier documents with small changes or in pieces', () => {
    expect(
      copiesAmong(documentOf(0, ann), documentOf(1, bob), documentOf(2, changed), documentOf(3, stitched)),
    ).toEqual([2, 3]);
    expect(copiesAmong(documentOf(0, ann, 5), documentOf(1, bob, 5), documentOf(2, stitched, 4))).toEqual([]);
  });

  it('lets a document quote, say something short, or share little', () => {
    const quoting = [...ann.slice(0, 40), ...numbered(5000, 20)];
    expect(copiesAmong(documentOf(0, ann), documentOf(1, quoting))).toEqual([]);
    expect(copiesAmong(documentOf(0, [1, 2, 3]), documentOf(1, [1, 2, 3]), documentOf(2, []))).toEqual([]);
  });

  it('keeps spans of a copy with who said it, and what only the copy says with the copy', () => {
    const documents = withCopiesMarked([
      documentOf(0, ann),
      documentOf(1, bob),
      documentOf(2, changed),
      documentOf(3, stitched),
      documentOf(4, numbered(5000, 300)),
    ]);
    const index = SpanIndex.build(documents);
    const partiesOf = (answer: readonly number[]) => index.spansOf(answer).map(({ parties }) => parties);
    expect(partiesOf(ann.slice(0, 10))).toEqual([['0']]);
    expect(partiesOf(bob.slice(10, 20))).toEqual([['1']]);
    expect(partiesOf(changed.slice(0, 30))).toEqual([['2']]);
    expect(index.withdraw([0]).spansOf(ann.slice(0, 10))).toMatchObject([{ records: [2], parties: ['2'] }]);
  });
});
