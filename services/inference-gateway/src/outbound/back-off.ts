const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/** How long to leave alone what fails: twice as long each time, within bounds. */
export class BackOff {
  private failures = 0;
  private outUntil = Number.NEGATIVE_INFINITY;
  private unheard = false;

  failed(now: number): void {
    // Several requests that fail together have failed once.
    if (this.isOut(now)) return;
    this.outUntil = now + Math.min(LONGEST_MS, FIRST_MS * 2 ** this.failures);
    this.failures = Math.min(this.failures + 1, 16);
  }

  until(time: number): void {
    this.outUntil = Math.max(this.outUntil, time);
  }

  isOut(now: number): boolean {
    return this.unheard || now < this.outUntil;
  }

  /** It does not even answer; until it does, it is out. */
  silent(): void {
    this.unheard = true;
  }

  answered(): void {
    this.unheard = false;
  }

  clear(): void {
    this.failures = 0;
    this.outUntil = Number.NEGATIVE_INFINITY;
  }
}
