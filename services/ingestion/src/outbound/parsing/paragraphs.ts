import type { Candidate } from './candidates.js';
import { type Line, lineTooLong } from './lines.js';

/** Records of kind text, separated by blank lines. */
export async function* paragraphs(
  source: AsyncIterable<Line>,
  recordBytesMax: number,
): AsyncGenerator<Candidate> {
  let begun: { line: number; parts: string[]; length: number } | undefined;
  for await (const { number, text } of source) {
    if (text.trim() === '') {
      if (begun) yield { line: begun.line, value: { text: begun.parts.join('\n') } };
      begun = undefined;
      continue;
    }
    begun ??= { line: number, parts: [], length: 0 };
    begun.parts.push(text.endsWith('\r') ? text.slice(0, -1) : text);
    begun.length += text.length + 1;
    if (begun.length > recordBytesMax + 1) throw lineTooLong(begun.line, recordBytesMax);
  }
  if (begun) yield { line: begun.line, value: { text: begun.parts.join('\n') } };
}
