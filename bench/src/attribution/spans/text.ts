import { createHash } from 'node:crypto';
import type { SpanDocument } from '@openledger/attribution/engine';

/** Distinct tokens of the made text. */
export const VOCABULARY = 50_000;

/** A passage is copied from before it with this chance, else eight tokens are drawn. */
const COPY_CHANCE = 0.02;
const DRAWN = 8;
const DOCUMENT_TOKENS = 500;

/** Numbers in [0, 1), the same everywhere (xorshift32). */
export function randomNumbers(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/**
 * Tokens with what makes text hard to index: frequencies after Zipf, pairs that repeat, and passages of 10 to 210
 * tokens copied from earlier text.
 */
export function madeText(length: number, seed: number): Uint16Array {
  const random = randomNumbers(seed);
  const text = new Uint16Array(length);
  let at = 0;
  while (at < length) {
    if (at > 1000 && random() < COPY_CHANCE) {
      const size = 10 + Math.floor(random() * 200);
      const from = Math.floor(random() * (at - size));
      const end = Math.min(length, at + size);
      for (let source = from; at < end; at++, source++) text[at] = text[source] ?? 0;
      continue;
    }
    const end = Math.min(length, at + DRAWN);
    for (; at < end; at++) text[at] = random() < 0.6 ? following(text[at - 1] ?? 0, random) : zipf(random);
  }
  return text;
}

/** Rank r with a chance of about 1 / r. */
const zipf = (random: () => number) => Math.floor(VOCABULARY ** random()) % VOCABULARY;

/** One of seven tokens that often follow another. */
const following = (token: number, random: () => number) =>
  (token * 3 + 131 * Math.floor(random() * 7)) % Math.min(3000, VOCABULARY);

/** Cuts the text into documents of 250 to 750 tokens. */
export function documentsOf(text: Uint16Array, seed: number): SpanDocument[] {
  const random = randomNumbers(seed);
  const documents: SpanDocument[] = [];
  for (let at = 0; at < text.length; ) {
    const end = Math.min(text.length, at + Math.floor(DOCUMENT_TOKENS * (0.5 + random())));
    const record = documents.length;
    documents.push({
      record,
      owner: record % 1000,
      registered: record,
      contentHash: createHash('sha256').update(`${record}`).digest('hex'),
      tokens: text.subarray(at, end),
    });
    at = end;
  }
  return documents;
}

/** Answers of which half is copied from the text, in pieces of 4 to 19 tokens, and half drawn. */
export function madeAnswers(text: Uint16Array, count: number, length: number): number[][] {
  const random = randomNumbers(count);
  return Array.from({ length: count }, () => {
    const answer: number[] = [];
    while (answer.length < length) {
      const from = Math.floor(random() * (text.length - 20));
      if (random() < 0.5) answer.push(...text.subarray(from, from + 4 + Math.floor(random() * 16)));
      else for (let i = 0; i < 6; i++) answer.push(zipf(random));
    }
    return answer.slice(0, length);
  });
}
