import { lineTooLong } from './parsing/lines.js';

const LINE_FEED = 10;

/** Finds a line that is too long while it still arrives, without keeping it. */
export class LineMeter {
  private line = 1;
  private bytes = 0;

  constructor(private readonly lineBytesMax: number) {}

  /** @throws DomainError LINE_TOO_LONG */
  feed(chunk: Uint8Array): void {
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, from)) {
      this.grow(at - from);
      this.line += 1;
      this.bytes = 0;
      from = at + 1;
    }
    this.grow(chunk.length - from);
  }

  private grow(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes > this.lineBytesMax) throw lineTooLong(this.line, this.lineBytesMax);
  }
}
