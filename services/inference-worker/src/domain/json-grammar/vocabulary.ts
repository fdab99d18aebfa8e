import { allow, emptyMask, forbid } from '../token-mask.js';
import { CLOSED, REFUSED, readStringByte, Within } from './string-body.js';
import { type TokenText, TokenTrie } from './token-trie.js';

/** What a token is to somebody who reads a string. */
type Role =
  | { readonly kind: 'inside'; readonly characters: number; readonly escapes: boolean }
  | { readonly kind: 'closing' | 'outside' };

/** Masks made at the start: nearly all tokens are as short as this, and a mask takes a bit a token. */
const MASKS_AT_ONCE = 16;

/**
 * The vocabulary as a grammar sees it. Most tokens are text that may stand in any string: which those are
 * is worked out once, and only the few that close a string are asked of the grammar each time.
 */
export class Vocabulary {
  readonly all: TokenTrie;
  /** Tokens that hold a string's closing quote. */
  readonly closing: TokenTrie;
  /** Tokens that stay within a string and hold an escape. */
  readonly escaping: TokenTrie;
  /** Words of a mask of those that stay within a string and hold none. */
  readonly unescaped: Uint32Array;
  /** Tokens of text within a string, by the characters that they begin. */
  private readonly inside: number[][] = [];
  private readonly masks = new Map<number, Uint32Array>();

  /** @param tokens the bytes of each token; undefined for those that have no text */
  constructor(
    tokens: Iterable<Uint8Array | undefined>,
    readonly size: number,
  ) {
    const texts: TokenText[] = [];
    const closing: TokenText[] = [];
    const escaping: TokenText[] = [];
    let token = 0;
    for (const bytes of tokens) {
      if (bytes && bytes.length > 0) {
        const entry = { token, text: Buffer.from(bytes).toString('latin1') };
        texts.push(entry);
        const role = roleOf(bytes);
        if (role.kind === 'closing') closing.push(entry);
        if (role.kind === 'inside') {
          if (role.escapes) escaping.push(entry);
          while (this.inside.length <= role.characters) this.inside.push([]);
          this.inside[role.characters]?.push(token);
        }
      }
      token += 1;
    }
    this.all = new TokenTrie(texts);
    this.closing = new TokenTrie(closing);
    this.escaping = new TokenTrie(escaping);
    for (let length = 0; length <= Math.min(MASKS_AT_ONCE, this.inside.length - 1); length += 1) {
      this.insideString(length);
    }
    this.unescaped = this.insideString(Number.POSITIVE_INFINITY).slice();
    for (const { token: escaped } of escaping) forbid(this.unescaped, escaped);
  }

  /** Words of a mask of the tokens that stay within a string and begin at most `characters` of it. */
  insideString(characters: number): Uint32Array {
    const most = Math.min(characters, this.inside.length - 1);
    const known = this.masks.get(most);
    if (known) return known;
    // From the next shorter one that is known, so that a string that fills up costs little at each step.
    let from = most - 1;
    while (from >= 0 && !this.masks.has(from)) from -= 1;
    const words = this.masks.get(from)?.slice() ?? emptyMask(this.size);
    for (let length = from + 1; length <= most; length += 1) {
      for (const token of this.inside[length] ?? []) allow(words, token);
    }
    this.masks.set(most, words);
    return words;
  }
}

function roleOf(bytes: Uint8Array): Role {
  let place = Within.Ready;
  let characters = 0;
  let escapes = false;
  for (const byte of bytes) {
    if (place === Within.Ready) characters += 1;
    const next = readStringByte(place, byte);
    if (next === CLOSED) return { kind: 'closing' };
    if (next === REFUSED) return { kind: 'outside' };
    if (next === Within.Escape) escapes = true;
    place = next;
  }
  return { kind: 'inside', characters, escapes };
}
