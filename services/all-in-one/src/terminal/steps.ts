import type { Writable } from 'node:stream';

/** Anything longer than this shows that it is alive. */
const REDRAW_MS = 100;
const BAR_CELLS = 28;

export interface Step {
  /** `share` 0…1 draws a bar; the text stands beside it. */
  progress(share: number, text: string): void;
  note(text: string): void;
}

export interface Terminal {
  heading(text: string): void;
  line(text?: string): void;
  /** Runs `work` while showing its name, progress and duration. */
  step<T>(name: string, work: (step: Step) => Promise<T>): Promise<T>;
}

const style = (code: number) => (text: string) => `\u001b[${code}m${text}\u001b[0m`;
export const bold = style(1);
export const dim = style(2);
export const green = style(32);
export const red = style(31);

/** Live bars on a terminal; one plain line per finished step where the output is a file or a pipe. */
export function createTerminal(out: Writable & { isTTY?: boolean; columns?: number }): Terminal {
  const live = out.isTTY === true;
  const plain = (text: string) => (live ? text : withoutStyles(text));
  const write = (text: string) => void out.write(plain(text));
  return {
    heading: (text) => write(`\n${bold(text)}\n`),
    line: (text = '') => write(`${text}\n`),
    step: (name, work) => runStep({ name, live, write, columns: () => out.columns ?? 100 }, work),
  };
}

interface Drawing {
  readonly name: string;
  readonly live: boolean;
  readonly write: (text: string) => void;
  readonly columns: () => number;
}

async function runStep<T>(
  { name, live, write, columns }: Drawing,
  work: (step: Step) => Promise<T>,
): Promise<T> {
  const begun = Date.now();
  const shown = { share: Number.NaN, text: '' };
  const seconds = () => `${((Date.now() - begun) / 1_000).toFixed(1)} s`;
  const draw = () => {
    const bar = Number.isNaN(shown.share) ? '' : `${barOf(shown.share)} `;
    const text = `  ◌ ${name}  ${bar}${shown.text}  ${seconds()}`;
    write(`\r\u001b[2K${text.slice(0, columns() - 1)}`);
  };
  const timer = live ? setInterval(draw, REDRAW_MS) : undefined;
  try {
    const result = await work({
      progress: (share, text) => Object.assign(shown, { share, text }),
      note: (text) => Object.assign(shown, { text }),
    });
    write(
      `${live ? '\r\u001b[2K' : ''}  ${green('✓')} ${name}  ${dim(`${shown.text}  ${seconds()}`.trim())}\n`,
    );
    return result;
  } catch (error) {
    write(`${live ? '\r\u001b[2K' : ''}  ${red('✗')} ${name}  ${dim(seconds())}\n`);
    throw error;
  } finally {
    clearInterval(timer);
  }
}

function barOf(share: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * BAR_CELLS);
  return `${'█'.repeat(filled)}${'░'.repeat(BAR_CELLS - filled)} ${Math.round(share * 100)}%`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the escape sequences that `style` writes
const STYLES = /\u001b\[[\d;]+m/g;
const withoutStyles = (text: string) => text.replace(STYLES, '');
