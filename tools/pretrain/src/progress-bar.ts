const width = 30;
/** Steps between lines where the output is a file. */
const plainEvery = 50;

export interface ProgressLine {
  readonly done: number;
  readonly total: number;
  readonly note: string;
}

function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const minutes = Math.floor(whole / 60);
  return minutes === 0 ? `${whole} s` : `${minutes} min ${String(whole % 60).padStart(2, '0')} s`;
}

/** A bar with the time left on a terminal; a line now and then elsewhere. */
export class ProgressBar {
  private readonly startedMs = performance.now();
  private first: number | undefined;

  constructor(private readonly out: NodeJS.WritableStream) {}

  show({ done, total, note }: ProgressLine): void {
    this.first ??= done - 1;
    const seconds = (performance.now() - this.startedMs) / 1000;
    const left = (seconds / Math.max(done - this.first, 1)) * (total - done);
    const filled = Math.round((width * done) / total);
    const bar = '█'.repeat(filled) + '░'.repeat(width - filled);
    const line = `${bar} ${done}/${total} · ${note} · ${duration(left)} left`;
    if ('isTTY' in this.out && this.out.isTTY)
      this.out.write(`\r\x1b[2K${line}${done === total ? '\n' : ''}`);
    else if (done % plainEvery === 0 || done === total) this.out.write(`${line}\n`);
  }
}
