/** What a decoder shows for bytes that are not (yet) UTF-8. */
const replacement = '\ufffd';

/** A character has at most four bytes, so at most this many byte tokens can be waiting for the rest of one. */
const maxWaiting = 4;

/**
 * Turns tokens into text as they arrive. Text is given out only when no later token can change it: bytes
 * that begin a character wait for the rest of it. The parts joined are what decoding all at once gives.
 */
export class IncrementalDecoder {
  /** Tokens still decoded together: those already given out (`#settled` characters) give context. */
  #window: number[] = [];
  #settledTokens = 0;
  #settled = '';

  constructor(private readonly decode: (tokens: readonly number[]) => string) {}

  /** The text that this token completes; empty where it only begins a character. */
  push(token: number): string {
    this.#window.push(token);
    const text = this.decode(this.#window);
    if (!text.endsWith(replacement)) return this.#settle(text, 0);
    if (this.#window.length - this.#settledTokens < maxWaiting) return '';
    // Too long for one character, so there are invalid bytes: give out what decodes the same on its own.
    for (let rest = maxWaiting - 1; rest > 0; rest--) {
      const before = this.decode(this.#window.slice(0, -rest));
      if (before + this.decode(this.#window.slice(-rest)) === text) return this.#settle(before, rest);
    }
    return this.#settle(text, 0);
  }

  /** The rest, at the end of the answer; incomplete characters show as U+FFFD. */
  flush(): string {
    return this.#window.length === 0 ? '' : this.#settle(this.decode(this.#window), 0);
  }

  /** Gives out `text`, the decoding of all but the last `rest` tokens. */
  #settle(text: string, rest: number): string {
    const fresh = text.slice(this.#settled.length);
    const end = this.#window.length - rest;
    // The tokens just given out stay as left context: some decoders treat a first token differently.
    const context = this.#window.slice(this.#settledTokens, end);
    this.#window = [...context, ...this.#window.slice(end)];
    this.#settledTokens = context.length;
    this.#settled = this.decode(context);
    return fresh;
  }
}
