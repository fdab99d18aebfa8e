/** Which tokens a request has seen, for penalties. */
export class TokenHistory {
  /** How often the answer has each token. */
  readonly answer = new Map<number, number>();
  private prompt: ReadonlySet<number> | undefined;

  constructor(private readonly promptTokens: readonly number[]) {}

  /** Distinct tokens of the prompt; made when first asked for. */
  get promptSet(): ReadonlySet<number> {
    this.prompt ??= new Set(this.promptTokens);
    return this.prompt;
  }

  add(token: number): void {
    this.answer.set(token, (this.answer.get(token) ?? 0) + 1);
  }
}
