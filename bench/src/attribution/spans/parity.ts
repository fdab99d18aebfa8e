import { createHash } from 'node:crypto';
import { type SpanDocument, SpanIndex } from '@openledger/attribution/engine';
import { randomNumbers } from './text.js';

const INDEXES = 100;
const DOCUMENTS = 24;

interface Found {
  readonly start: number;
  readonly end: number;
  readonly occurrences: number;
  readonly records: readonly number[];
}

/**
 * Share of random questions for which the index gives every maximal span, its occurrences and its records as brute
 * force does: texts of 2 to 41 symbols in shards of every tier, a tenth of the documents withdrawn.
 */
export function parityOf(queries: number): number {
  let equal = 0;
  for (let round = 0; round < INDEXES; round++) {
    const random = randomNumbers(1000 + round);
    const symbols = 2 + (round % 40);
    const documents = Array.from({ length: DOCUMENTS }, (_, record) =>
      documentOf(record, drawn(random, symbols, 40)),
    );
    let index = SpanIndex.build([], { smallest: 64, fanOut: 2, largest: 512 });
    for (const document of documents) index = index.append([document]);
    const gone = documents.filter(() => random() < 0.1).map(({ record }) => record);
    index = index.withdraw(gone);
    const live = documents.filter(({ record }) => !gone.includes(record));
    for (let query = 0; query < queries / INDEXES; query++) {
      const answer = drawn(random, symbols, 16);
      const options = { tokensMin: 1, chanceMax: Number.POSITIVE_INFINITY };
      const found = index
        .spansOf(answer, options)
        .map(({ start, end, occurrences, records }) => ({ start, end, occurrences, records }));
      if (JSON.stringify(found) === JSON.stringify(bruteForce(live, answer))) equal += 1;
    }
  }
  return equal / queries;
}

const drawn = (random: () => number, symbols: number, lengthMax: number) =>
  Array.from({ length: Math.floor(random() * lengthMax) }, () => Math.floor(random() ** 2 * symbols));

const documentOf = (record: number, tokens: readonly number[]): SpanDocument => ({
  record,
  owner: record,
  registered: record,
  contentHash: createHash('sha256').update(`${record}`).digest('hex'),
  tokens,
});

/** Compares the answer from each start with every place of every document. */
function bruteForce(documents: readonly SpanDocument[], answer: readonly number[]): Found[] {
  const spans: Found[] = [];
  let furthest = 0;
  for (let start = 0; start < answer.length; start++) {
    let longest = 0;
    let occurrences = 0;
    let records: number[] = [];
    for (const { record, tokens } of documents) {
      for (let at = 0; at < tokens.length; at++) {
        const length = commonLength(tokens, at, { answer, start });
        if (length === 0 || length < longest) continue;
        if (length > longest) [longest, occurrences, records] = [length, 0, []];
        occurrences++;
        if (records.at(-1) !== record) records.push(record);
      }
    }
    if (start + longest <= furthest) continue;
    furthest = start + longest;
    spans.push({ start, end: furthest, occurrences, records });
  }
  return spans;
}

function commonLength(
  text: ArrayLike<number>,
  at: number,
  { answer, start }: { answer: readonly number[]; start: number },
): number {
  let length = 0;
  while (start + length < answer.length && text[at + length] === answer[start + length]) length++;
  return length;
}
