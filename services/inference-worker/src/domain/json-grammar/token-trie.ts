/** A token and the bytes that it stands for, one Latin-1 character each: such strings compare as bytes do. */
export interface TokenText {
  readonly token: number;
  readonly text: string;
}

/**
 * Tokens by their bytes, in one array that is walked from front to back: a node stands before what is
 * below it, and knows where that ends.
 */
export class TokenTrie {
  private readonly bytes: Uint8Array;
  /** From 0: how many bytes come before the node's own. */
  private readonly depths: Uint16Array;
  private readonly ends: Uint32Array;
  /** The token that ends at the node; -1 where none does. */
  private readonly tokens: Int32Array;
  /** Other tokens of the same bytes. */
  private readonly same = new Map<number, number[]>();
  private readonly depthMax: number;

  constructor(texts: readonly TokenText[]) {
    const sorted = texts.filter(({ text }) => text !== '').sort((a, b) => compare(a, b));
    const size = nodeCount(sorted);
    this.bytes = new Uint8Array(size);
    this.depths = new Uint16Array(size);
    this.ends = new Uint32Array(size);
    this.tokens = new Int32Array(size).fill(-1);
    this.depthMax = sorted.reduce((longest, { text }) => Math.max(longest, text.length), 0);
    this.build(sorted);
  }

  /** Bytes of the longest token. */
  get longest(): number {
    return this.depthMax;
  }

  /**
   * Tells the tokens all of whose bytes are read from `start`. `step` gives undefined for a byte that does
   * not go on; what lies below it is passed over.
   */
  walk<T>(start: T, step: (from: T, byte: number) => T | undefined, found: (token: number) => void): void {
    const { bytes, depths, ends, tokens } = this;
    const states = new Array<T>(this.depthMax + 1).fill(start);
    for (let node = 0; node < bytes.length; ) {
      const depth = depths[node] ?? 0;
      const next = step(states[depth] ?? start, bytes[node] ?? 0);
      if (next === undefined) {
        node = ends[node] ?? bytes.length;
        continue;
      }
      states[depth + 1] = next;
      const token = tokens[node] ?? -1;
      if (token >= 0) {
        found(token);
        for (const other of this.same.get(token) ?? []) found(other);
      }
      node += 1;
    }
  }

  private build(sorted: readonly TokenText[]): void {
    /** Nodes from the root to the last text's end. */
    const open: number[] = [];
    let size = 0;
    let before = '';
    for (const { token, text } of sorted) {
      const last = open.at(-1);
      if (text === before && last !== undefined) {
        const first = this.tokens[last] ?? -1;
        this.same.set(first, [...(this.same.get(first) ?? []), token]);
        continue;
      }
      const shared = sharedLength(before, text);
      for (const node of open.splice(shared)) this.ends[node] = size;
      for (let at = shared; at < text.length; at += 1) {
        this.bytes[size] = text.charCodeAt(at);
        this.depths[size] = at;
        open.push(size);
        size += 1;
      }
      this.tokens[size - 1] = token;
      before = text;
    }
    for (const node of open) this.ends[node] = size;
  }
}

function compare(a: TokenText, b: TokenText): number {
  if (a.text === b.text) return a.token - b.token;
  return a.text < b.text ? -1 : 1;
}

function nodeCount(sorted: readonly TokenText[]): number {
  let count = 0;
  let before = '';
  for (const { text } of sorted) {
    count += text.length - sharedLength(before, text);
    before = text;
  }
  return count;
}

function sharedLength(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a.charCodeAt(length) === b.charCodeAt(length)) length += 1;
  return length;
}
