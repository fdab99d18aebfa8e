import { countLines, fromJsonLines, jsonLinesBetween, linesOf, toJsonLines } from './index.js';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');
const values = [{ b: 1, a: 'ä' }, [2], 'three'];

describe('JSON lines', () => {
  it('are canonical, and read back as they were written', () => {
    expect(text(toJsonLines(values))).toBe('{"a":"ä","b":1}\n[2]\n"three"\n');
    expect(fromJsonLines(toJsonLines(values))).toEqual(values);
    expect(toJsonLines([])).toHaveLength(0);
    expect(fromJsonLines(new Uint8Array())).toEqual([]);
  });

  it('give a page by line number, with or without a last line feed', () => {
    for (const bytes of [toJsonLines(values), toJsonLines(values).subarray(0, -1)]) {
      expect(jsonLinesBetween(bytes, { from: 0, limit: 2 })).toEqual(values.slice(0, 2));
      expect(jsonLinesBetween(bytes, { from: 2, limit: 2 })).toEqual(values.slice(2));
      expect(jsonLinesBetween(bytes, { from: 3, limit: 2 })).toEqual([]);
      expect(countLines(bytes)).toBe(3);
    }
    expect(countLines(new Uint8Array())).toBe(0);
  });

  it('are read one by one, without empty ones', () => {
    expect([...linesOf(Buffer.from('{"a":"ä"}\n\n[2]\n"three"'))]).toEqual(['{"a":"ä"}', '[2]', '"three"']);
    expect([...linesOf(new Uint8Array())]).toEqual([]);
  });

  it('decode nothing outside the page', () => {
    const damaged = Buffer.from('not JSON\n{"a":1}\nnot JSON\n');
    expect(jsonLinesBetween(damaged, { from: 1, limit: 1 })).toEqual([{ a: 1 }]);
  });

  it('may lie anywhere within a larger memory', () => {
    const memory = Buffer.concat([Buffer.from('xx'), toJsonLines(values), Buffer.from('yy')]);
    expect(fromJsonLines(memory.subarray(2, -2))).toEqual(values);
  });
});
