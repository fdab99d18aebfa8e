import { DomainError, isSha256, type Sha256 } from '@openledger/kernel';
import { suffixArray } from './suffix-array.js';

/** A shard's tokens at most, borders included: beyond it the suffix array falls out of every cache. */
export const SHARD_TOKENS_MAX = 1 << 26;

/** Bounds the tables of documents, 53 bytes each. */
export const SHARD_DOCUMENTS_MAX = 1 << 22;

/** Token ids are below it; the largest vocabularies of today have 2^18. */
const TOKEN_IDS_MAX = 1 << 20;

const SHA256_BYTES = 32;

/** A text of the training data, as tokens. */
export interface SpanDocument {
  /** Unique in the index. */
  readonly record: number;
  /** Number of who contributed it. */
  readonly owner: number;
  /** The same for what counts as one content: digest of the text, or of its cluster of near copies. */
  readonly contentHash: Sha256;
  /** When it was registered; any unit. Of several with one content the earliest owns it. */
  readonly registered: number;
  /** Made for the most part of earlier documents: it owns only what no other document has. */
  readonly isCopy?: boolean;
  readonly tokens: ArrayLike<number>;
}

/**
 * An immutable piece of the index. Symbol 0 is the border after each document, symbol s > 0 the token
 * `alphabet[s - 1]`: dense ids take 2 bytes where a shard has at most 65,535 distinct tokens.
 */
export interface Shard {
  /** Token ids, ascending. */
  readonly alphabet: Uint32Array;
  readonly text: Uint16Array | Uint32Array;
  /** Starts of the text's suffixes in lexicographic order. */
  readonly order: Int32Array;
  /** Place in the order of the first suffix that begins with each symbol, and the end. */
  readonly firsts: Uint32Array;
  /** Start of each document in the text, and the end. */
  readonly starts: Uint32Array;
  readonly records: Uint32Array;
  readonly owners: Uint32Array;
  readonly registered: Float64Array;
  /** 1 for each copy. */
  readonly copies: Uint8Array;
  /** 32 bytes a document. */
  readonly contents: Uint8Array;
}

/** @throws DomainError DOCUMENT_TOO_LARGE, TOKEN_OUT_OF_RANGE, CONTENT_HASH_MALFORMED */
export function buildShard(documents: readonly SpanDocument[]): Shard {
  const { text, starts } = joined(documents);
  const alphabet = toSymbols(text);
  return {
    alphabet,
    order: suffixArray(text, alphabet.length + 1),
    text: alphabet.length < 1 << 16 ? new Uint16Array(text) : new Uint32Array(text),
    firsts: firstsOf(text, alphabet.length + 1),
    starts,
    records: Uint32Array.from(documents, ({ record }) => record),
    owners: Uint32Array.from(documents, ({ owner }) => owner),
    registered: Float64Array.from(documents, ({ registered }) => registered),
    copies: Uint8Array.from(documents, ({ isCopy }) => (isCopy === true ? 1 : 0)),
    contents: hashesOf(documents),
  };
}

/** Tokens and their borders. */
export const tokensIn = (documents: readonly SpanDocument[]): number =>
  documents.reduce((sum, { tokens }) => sum + tokens.length + 1, 0);

/** A document as it was given. */
export function documentAt(shard: Shard, at: number): SpanDocument {
  const { alphabet, text, starts, records, owners, registered } = shard;
  const symbols = text.subarray(starts[at] ?? 0, (starts[at + 1] ?? 1) - 1);
  return {
    record: records[at] ?? 0,
    owner: owners[at] ?? 0,
    registered: registered[at] ?? 0,
    isCopy: shard.copies[at] === 1,
    contentHash: contentOf(shard, at),
    tokens: Uint32Array.from(symbols, (symbol) => alphabet[symbol - 1] ?? 0),
  };
}

export const contentOf = ({ contents }: Shard, at: number): Sha256 =>
  Buffer.from(contents.buffer, contents.byteOffset + at * SHA256_BYTES, SHA256_BYTES).toString('hex');

/** Index of the last of ascending `values` that is at most `value`; -1 where there is none. */
export function lastAtMost(values: Uint32Array, value: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] ?? 0) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

const BORDER = -1;

function joined(documents: readonly SpanDocument[]): { text: Int32Array; starts: Uint32Array } {
  const length = tokensIn(documents);
  if (length > SHARD_TOKENS_MAX) {
    const message = `A shard of the span index has at most ${SHARD_TOKENS_MAX} tokens, not ${length}.`;
    throw new DomainError('too-large', 'DOCUMENT_TOO_LARGE', message);
  }
  const text = new Int32Array(length);
  const starts = new Uint32Array(documents.length + 1);
  let at = 0;
  for (const [i, { tokens }] of documents.entries()) {
    starts[i] = at;
    text.set(tokens, at);
    at += tokens.length;
    text[at++] = BORDER;
  }
  starts[documents.length] = at;
  return { text, starts };
}

/** Replaces token ids by symbols; the ids in order of their symbols. */
function toSymbols(text: Int32Array): Uint32Array {
  const symbols = new Int32Array(largestToken(text) + 1);
  for (let i = 0; i < text.length; i++) {
    const token = text[i] ?? 0;
    if (token !== BORDER) symbols[token] = 1;
  }
  const alphabet: number[] = [];
  for (let token = 0; token < symbols.length; token++) {
    if (symbols[token] === 1) symbols[token] = alphabet.push(token);
  }
  for (let i = 0; i < text.length; i++) {
    const token = text[i] ?? 0;
    text[i] = token === BORDER ? 0 : (symbols[token] ?? 0);
  }
  return Uint32Array.from(alphabet);
}

/** -1 where there are borders alone. */
function largestToken(text: Int32Array): number {
  let largest = BORDER;
  for (let i = 0; i < text.length; i++) {
    const token = text[i] ?? 0;
    if (token >= TOKEN_IDS_MAX || token < BORDER) {
      const message = `Token ids are from 0 to ${TOKEN_IDS_MAX - 1}, not ${token}.`;
      throw new DomainError('invalid', 'TOKEN_OUT_OF_RANGE', message);
    }
    if (token > largest) largest = token;
  }
  return largest;
}

function firstsOf(text: Int32Array, symbols: number): Uint32Array {
  const firsts = new Uint32Array(symbols + 1);
  for (let i = 0; i < text.length; i++) {
    const next = (text[i] ?? 0) + 1;
    firsts[next] = (firsts[next] ?? 0) + 1;
  }
  for (let symbol = 1; symbol <= symbols; symbol++) {
    firsts[symbol] = (firsts[symbol] ?? 0) + (firsts[symbol - 1] ?? 0);
  }
  return firsts;
}

function hashesOf(documents: readonly SpanDocument[]): Uint8Array {
  const contents = new Uint8Array(documents.length * SHA256_BYTES);
  for (const [i, { contentHash, record }] of documents.entries()) {
    if (!isSha256(contentHash)) {
      const message = `The content of record ${record} needs a SHA-256 in lower-case hexadecimals.`;
      throw new DomainError('invalid', 'CONTENT_HASH_MALFORMED', message);
    }
    contents.set(Buffer.from(contentHash, 'hex'), i * SHA256_BYTES);
  }
  return contents;
}
