export interface TextStep {
  /** Text that is certain: no beginning of a stop string. */
  readonly text: string;
  /** A stop string was found; it and what follows are dropped. */
  readonly stopped: boolean;
}

/** Turns tokens into text that no later token can change. */
export interface TokenDecoder {
  push(token: number): string;
  flush(): string;
}

/** The text of an answer as it may be told: up to the first stop string. */
export class AnswerText {
  private held = '';

  constructor(
    private readonly decoder: TokenDecoder,
    private readonly stop: readonly string[],
  ) {}

  push(token: number): TextStep {
    this.held += this.decoder.push(token);
    return this.release();
  }

  /** The end of the answer: nothing is held back any more. */
  finish(): TextStep {
    this.held += this.decoder.flush();
    const { text, stopped } = this.release();
    const rest = stopped ? '' : this.held;
    this.held = '';
    return { text: text + rest, stopped };
  }

  private release(): TextStep {
    const found = this.stop.map((stop) => this.held.indexOf(stop)).filter((at) => at >= 0);
    if (found.length > 0) {
      const text = this.held.slice(0, Math.min(...found));
      this.held = '';
      return { text, stopped: true };
    }
    const keep = Math.max(0, ...this.stop.map((stop) => overlap(this.held, stop)));
    const text = this.held.slice(0, this.held.length - keep);
    this.held = this.held.slice(text.length);
    return { text, stopped: false };
  }
}

/** Characters at the end of `text` with which `stop` begins. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length -= 1) {
    if (text.endsWith(stop.slice(0, length))) return length;
  }
  return 0;
}
