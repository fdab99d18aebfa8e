import type { Candidate } from './candidates.js';
import type { Line } from './lines.js';

/** One JSON value a line; blank lines are skipped. */
export async function* jsonl(source: AsyncIterable<Line>): AsyncGenerator<Candidate> {
  for await (const { number, text } of source) {
    if (text.trim() !== '') yield candidate(number, text);
  }
}

function candidate(line: number, text: string): Candidate {
  try {
    return { line, value: JSON.parse(text) as unknown };
  } catch {
    // The engine's message quotes the input; the line number is enough to find it.
    return { line, malformed: 'is not JSON' };
  }
}
