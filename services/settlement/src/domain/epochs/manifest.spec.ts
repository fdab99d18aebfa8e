import fc from 'fast-check';
import { type LeafLine, LineChain } from './manifest.js';
import { type ManifestLine, ManifestReader } from './manifest-reader.js';

const leaf = fc.record({
  kind: fc.constant('leaf' as const),
  wallet: fc.string({ maxLength: 20 }),
  totalWei: fc.bigInt(0n, 10n ** 39n - 1n).map(String),
});
const leaves = fc.array(leaf, { minLength: 1, maxLength: 20 });

const write = (lines: readonly LeafLine[]): string[] => {
  const chain = new LineChain();
  return lines.map((line) => chain.write(line).trimEnd());
};
const read = (texts: readonly string[]): ManifestLine[] => {
  const reader = new ManifestReader('file');
  return texts.map((text) => reader.read(text));
};

describe('lines of a manifest', () => {
  it('are read as they were written, and the same lines give the same bytes', () => {
    fc.assert(
      fc.property(leaves, (lines) => {
        const texts = write(lines);
        expect(write(lines)).toEqual(texts);
        expect(read(texts).map((line) => [line.text('wallet'), line.wei('totalWei').toString()])).toEqual(
          lines.map((line) => [line.wallet, line.totalWei]),
        );
      }),
    );
  });

  it('tell the line in which any character was changed', () => {
    fc.assert(
      fc.property(
        leaves,
        fc.nat(),
        fc.nat(),
        fc.constantFrom('0', 'f', ' ', '"', '}'),
        (lines, line, at, by) => {
          const texts = write(lines);
          const number = line % texts.length;
          const text = texts[number] ?? '';
          const place = at % text.length;
          fc.pre(text[place] !== by);
          const changed = texts.with(number, text.slice(0, place) + by + text.slice(place + 1));
          expect(() => read(changed)).toThrow(`file, line ${number + 1}:`);
        },
      ),
    );
  });
});

describe('fields of a line', () => {
  const line = (fields: object): ManifestLine => {
    const chain = new LineChain();
    return new ManifestReader('file').read(chain.write(fields as LeafLine).trimEnd());
  };

  it.each([
    ['an amount that is negative', { totalWei: '-1' }],
    ['an amount with a fraction', { totalWei: '1.5' }],
    ['an amount with a zero before it', { totalWei: '01' }],
    ['an amount of 40 digits', { totalWei: '1'.repeat(40) }],
    ['an amount that is a number', { totalWei: 1 }],
  ])('refuses %s', (_, fields) => {
    expect(() => line(fields).wei('totalWei')).toThrow(expect.objectContaining({ code: 'EPOCH_DIFFERS' }));
  });

  it('refuses times, numbers and lists of another form', () => {
    expect(() => line({ at: '2026-11-20' }).time('at')).toThrow('no time');
    expect(line({ at: '2026-11-20T12:00:00.000Z' }).time('at')).toEqual(new Date('2026-11-20T12:00:00Z'));
    expect(() => line({ n: 1.5 }).number('n')).toThrow('no whole number');
    expect(() => line({ n: -1 }).number('n')).toThrow('no whole number');
    expect(() => line({ list: 'x' }).list('list')).toThrow('no list');
    expect(() => line({ object: [] }).object('object')).toThrow('no object');
    expect(() => new ManifestReader('file').read('[]')).toThrow('no JSON object');
    expect(() => new ManifestReader('file').read('{')).toThrow('no JSON object');
  });
});
