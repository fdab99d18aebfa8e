/** The runs of one request: all of them are billed, or none is. */
export class RunGroup {
  private readonly verdict = Promise.withResolvers<boolean>();
  private readonly broken = new AbortController();

  constructor(private running: number) {}

  /** Aborted when a run failed: the others are of no use then. */
  get signal(): AbortSignal {
    return this.broken.signal;
  }

  /** Told once by each run that did not fail. Resolves when all have, with whether none failed. */
  done(): Promise<boolean> {
    this.running -= 1;
    if (this.running === 0) this.verdict.resolve(true);
    return this.verdict.promise;
  }

  fail(): void {
    this.verdict.resolve(false);
    this.broken.abort();
  }
}
