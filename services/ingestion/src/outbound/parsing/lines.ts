import { TextDecoder } from 'node:util';
import { DomainError } from '@openledger/kernel';

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Without its line feed; a carriage return before it stays. */
  readonly text: string;
}

export interface LineLimits {
  readonly lineBytesMax: number;
  readonly linesMax: number;
}

const LINE_FEED = 10;

/**
 * Splits UTF-8 into lines and holds no more than one line in memory, however long the input is.
 *
 * @throws DomainError LINE_TOO_LONG, LINES_TOO_MANY, ENCODING_INVALID
 */
export async function* lines(chunks: AsyncIterable<Uint8Array>, limits: LineLimits): AsyncGenerator<Line> {
  const { lineBytesMax, linesMax } = limits;
  // Only the first line may begin with a byte order mark.
  const decoders = [decoder(false), decoder(true)] as const;
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let number = 1;
  const take = (tail: Uint8Array): Line => {
    if (number > linesMax) throw linesTooMany(linesMax);
    const bytes = held.length === 0 ? tail : Buffer.concat([...held, tail]);
    held = [];
    heldBytes = 0;
    return { number, text: decode(decoders[number === 1 ? 0 : 1], bytes, number++) };
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, from)) {
      if (heldBytes + at - from > lineBytesMax) throw lineTooLong(number, lineBytesMax);
      yield take(chunk.subarray(from, at));
      from = at + 1;
    }
    const rest = chunk.subarray(from);
    if (heldBytes + rest.length > lineBytesMax) throw lineTooLong(number, lineBytesMax);
    if (rest.length > 0) held.push(rest);
    heldBytes += rest.length;
  }
  if (heldBytes > 0) yield take(new Uint8Array(0));
}

const decoder = (ignoreBOM: boolean) => new TextDecoder('utf-8', { fatal: true, ignoreBOM });

function decode(utf8: TextDecoder, bytes: Uint8Array, line: number): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    const message = `Line ${line} is not valid UTF-8: save the file as UTF-8.`;
    throw new DomainError('invalid', 'ENCODING_INVALID', message, { details: { line }, cause });
  }
}

export function lineTooLong(line: number, lineBytesMax: number): DomainError {
  const message = `Line ${line} has more than ${lineBytesMax} bytes.`;
  return new DomainError('too-large', 'LINE_TOO_LONG', message, { details: { line, lineBytesMax } });
}

const linesTooMany = (linesMax: number) =>
  new DomainError('too-large', 'LINES_TOO_MANY', `The upload has more than ${linesMax} lines: split it.`);
