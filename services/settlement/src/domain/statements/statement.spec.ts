import fc from 'fast-check';
import { boundsOf, openOf, type Statement, statementCsv, statementHtml } from './statement.js';

const OPEN = 10n ** 18n;
const statement: Statement = {
  ownerId: 'org-1',
  name: '<Clinic & Sons>',
  account: 'prepaid',
  month: '2026-11',
  openingWei: 5n * OPEN,
  closingWei: 6n * OPEN - 7n,
  lines: [
    { kind: 'top-up', description: '0xabc', amountWei: 2n * OPEN },
    {
      kind: 'usage',
      description: '=cmd|"calc"',
      answers: 1_200,
      promptTokens: 34_000,
      completionTokens: 5_600,
      amountWei: -OPEN - 7n,
    },
  ],
  final: true,
};

describe('a statement', () => {
  it('covers a month from its first instant to that of the next', () => {
    expect(boundsOf('2026-12')).toEqual({
      from: new Date('2026-12-01T00:00:00Z'),
      to: new Date('2027-01-01T00:00:00Z'),
    });
    expect(() => boundsOf('2026-13')).toThrow(/YYYY-MM/);
  });

  it('is CSV that spreadsheets read and never run', () => {
    const lines = statementCsv(statement).split('\r\n');
    expect(lines[1]).toBe('prepaid,2026-11,opening,,,,,5000000000000000000');
    expect(lines[3]).toBe(`prepaid,2026-11,usage,"'=cmd|""calc""",1200,34000,5600,-1000000000000000007`);
    expect(lines.at(-1)).toBe('');
    const amounts = lines.slice(1, -1).map((line) => BigInt(line.split(',').at(-1) ?? ''));
    const closing = amounts.pop();
    expect(amounts.reduce((sum, amount) => sum + amount, 0n)).toBe(closing);
  });

  it('is a page that nothing in it can break out of', () => {
    const html = statementHtml(statement);
    expect(html).toContain('&lt;Clinic &amp; Sons&gt;');
    expect(html).not.toContain('<Clinic');
    expect(html).toContain('−1.000000000000000007');
    expect(html).not.toMatch(/<script|src=|href=/);
  });

  it('writes OPEN exactly', () => {
    expect([0n, 1n, OPEN, -1_234_567n * OPEN].map(openOf)).toEqual([
      '0',
      '0.000000000000000001',
      '1',
      '−1,234,567',
    ]);
    fc.assert(
      fc.property(fc.bigInt(-(10n ** 27n), 10n ** 27n), (wei) => {
        const [whole = '', decimals = ''] = openOf(wei).replace('−', '-').replaceAll(',', '').split('.');
        const digits = `${whole}${decimals.padEnd(18, '0')}`;
        expect(BigInt(digits)).toBe(wei);
      }),
    );
  });
});
