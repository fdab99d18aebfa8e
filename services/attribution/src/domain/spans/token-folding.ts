const UNFINISHED = '\ufffd';

/**
 * Makes one token of those that read alike: without regard to case, to compatible forms (NFKC) and to the space that
 * words have in mid-sentence and not at a beginning. For finding what a reader sees as the same; words that the
 * tokenizer cuts otherwise in another case still differ.
 */
export class TokenFolding {
  private readonly folded = new Map<number, number>();
  private readonly first = new Map<string, number>();

  /** @param textOf what a token alone decodes to; with U+FFFD where it is no whole character */
  constructor(private readonly textOf: (token: number) => string) {}

  /** For each token the first one that was seen of those like it. */
  fold(tokens: ArrayLike<number>): Uint32Array {
    return Uint32Array.from(tokens, (token) => this.foldOne(token));
  }

  private foldOne(token: number): number {
    const known = this.folded.get(token);
    if (known !== undefined) return known;
    const text = this.textOf(token);
    const normal = text.normalize('NFKC').toLowerCase();
    const bare = normal.trimStart() === '' ? normal : normal.trimStart();
    const isWhole = text !== '' && !text.includes(UNFINISHED);
    const alike = isWhole ? (this.first.get(bare) ?? token) : token;
    if (isWhole) this.first.set(bare, alike);
    this.folded.set(token, alike);
    return alike;
  }
}
