import type { DomainError } from '@openledger/kernel';
import fc from 'fast-check';
import { LineMeter } from '../line-meter.js';
import { type Line, lines } from './lines.js';

const lax = { lineBytesMax: 1_000, linesMax: 1_000 };

async function* cut(bytes: Uint8Array, sizes: readonly number[]) {
  let from = 0;
  for (let i = 0; from < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    yield bytes.subarray(from, from + size);
    from += size;
  }
}

async function collect(source: AsyncIterable<Line>): Promise<Line[]> {
  const read: Line[] = [];
  for await (const line of source) read.push(line);
  return read;
}

const all = async (bytes: Uint8Array, sizes: readonly number[] = [7], limits = lax) =>
  collect(lines(cut(bytes, sizes), limits));

const codeOf = (run: Promise<unknown>) =>
  run.then(
    () => undefined,
    (error: DomainError) => error.code,
  );

describe('lines', () => {
  it('gives the same lines however the bytes are cut', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 30 }).map((line) => line.replaceAll('\n', ''));
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1 }), sizes, async (texts, cuts) => {
        fc.pre(!texts[0]?.startsWith('\ufeff'));
        const read = await all(Buffer.from(`${texts.join('\n')}\n`), cuts);
        expect(read).toEqual(texts.map((line, index) => ({ number: index + 1, text: line })));
      }),
    );
  });

  it('drops a byte order mark at the very beginning only', async () => {
    const read = await all(Buffer.from('\ufeffa\n\ufeffb'));
    expect(read.map(({ text }) => text)).toEqual(['a', '\ufeffb']);
  });

  it('names the line that is not UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('fine\n'), Uint8Array.of(0xc3, 0x28), Buffer.from('\nfine')]);
    await expect(all(bytes)).rejects.toMatchObject({ code: 'ENCODING_INVALID', details: { line: 2 } });
    expect(await codeOf(all(Uint8Array.of(0xe2, 0x82)))).toBe('ENCODING_INVALID');
  });

  it('takes a line of the limit and refuses one byte more, like the meter before it', async () => {
    const limits = { lineBytesMax: 10, linesMax: 10 };
    const meter = (text: string) => () => new LineMeter(10).feed(Buffer.from(text));
    for (const text of [`${'x'.repeat(10)}\n`, 'x'.repeat(10)]) {
      expect(await all(Buffer.from(text), [3], limits)).toHaveLength(1);
      expect(meter(text)).not.toThrow();
    }
    for (const text of [`${'x'.repeat(11)}\n`, `a\n${'x'.repeat(11)}`]) {
      expect(await codeOf(all(Buffer.from(text), [3], limits))).toBe('LINE_TOO_LONG');
      expect(meter(text)).toThrow(expect.objectContaining({ code: 'LINE_TOO_LONG' }));
    }
  });

  it('reads no further than the line limit of an endless line', async () => {
    let given = 0;
    async function* endless() {
      for (;;) {
        given += 100;
        yield Buffer.alloc(100, 'x');
      }
    }
    expect(await codeOf(collect(lines(endless(), lax)))).toBe('LINE_TOO_LONG');
    expect(given).toBe(1_100);
  });

  it('bounds the number of lines', async () => {
    const limits = { lineBytesMax: 10, linesMax: 3 };
    expect(await all(Buffer.from('\n\n\n'), [1], limits)).toHaveLength(3);
    expect(await codeOf(all(Buffer.from('\n\n\n\n'), [1], limits))).toBe('LINES_TOO_MANY');
  });
});
