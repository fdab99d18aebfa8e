import { invariant } from '@openledger/kernel';

/** What moved a balance. */
export type StatementKind = 'top-up' | 'usage' | 'refund' | 'free-tier' | 'earned' | 'paid-out' | 'other';

export interface StatementLine {
  readonly kind: StatementKind;
  /** A model's name, a transaction, a credit note. */
  readonly description: string;
  /** Answers, for usage and earnings. */
  readonly answers?: number;
  readonly promptTokens?: number;
  readonly completionTokens?: number;
  /** Signed: what it did to the balance, in wei. */
  readonly amountWei: bigint;
}

/** A month of one account: opening, what happened, closing. */
export interface Statement {
  readonly ownerId: string;
  /** Who it is about, for people. */
  readonly name: string;
  /** What of: money prepaid for answers, or money earned. */
  readonly account: 'prepaid' | 'earnings';
  /** YYYY-MM, UTC. */
  readonly month: string;
  readonly openingWei: bigint;
  readonly closingWei: bigint;
  readonly lines: readonly StatementLine[];
  /** False for the month that is not over yet. */
  readonly final: boolean;
}

/** The first instants of a month and of the next, UTC. */
export function boundsOf(month: string): { readonly from: Date; readonly to: Date } {
  const [year = Number.NaN, number = Number.NaN] = month.split('-').map(Number);
  invariant(/^\d{4}-(0[1-9]|1[0-2])$/.test(month), 'a month is YYYY-MM');
  return { from: new Date(Date.UTC(year, number - 1, 1)), to: new Date(Date.UTC(year, number, 1)) };
}

const HEADER = [
  'account',
  'month',
  'kind',
  'description',
  'answers',
  'prompt_tokens',
  'completion_tokens',
  'amount_wei',
];

/** RFC 4180, with the balances as first and last row. Amounts are whole wei. */
export function statementCsv(statement: Statement): string {
  const row = (kind: string, line: Partial<StatementLine> & { readonly amountWei: bigint }): unknown[] => [
    statement.account,
    statement.month,
    kind,
    line.description ?? '',
    line.answers ?? '',
    line.promptTokens ?? '',
    line.completionTokens ?? '',
    line.amountWei,
  ];
  const rows = [
    HEADER,
    row('opening', { amountWei: statement.openingWei }),
    ...statement.lines.map((line) => row(line.kind, line)),
    row('closing', { amountWei: statement.closingWei }),
  ];
  return rows.map((cells) => `${cells.map(csvCell).join(',')}\r\n`).join('');
}

function csvCell(value: unknown): string {
  const text = String(value);
  // Spreadsheets run what begins like a formula; a number may begin with a minus.
  const inert = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

const TITLES: Readonly<Record<Statement['account'], string>> = {
  prepaid: 'Statement of the prepaid balance',
  earnings: 'Statement of earnings',
};

const KINDS: Readonly<Record<StatementKind, string>> = {
  'top-up': 'Top-up',
  usage: 'Usage',
  refund: 'Refund',
  'free-tier': 'Free tier',
  earned: 'Earned',
  'paid-out': 'Promised to the wallet',
  other: 'Other',
};

/** One page without scripts or outside parts, laid out for paper: what a browser prints is the document. */
export function statementHtml(statement: Statement): string {
  const { ownerId, name, account, month, openingWei, closingWei, lines, final } = statement;
  const rows = lines.map((line) =>
    htmlRow([
      KINDS[line.kind],
      line.description,
      line.answers === undefined ? '' : line.answers.toLocaleString('en'),
      line.promptTokens === undefined
        ? ''
        : `${line.promptTokens.toLocaleString('en')} / ${(line.completionTokens ?? 0).toLocaleString('en')}`,
      openOf(line.amountWei),
    ]),
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${TITLES[account]}, ${month}</title>
<style>
@page { size: A4; margin: 18mm }
body { font: 10.5pt/1.45 system-ui, sans-serif; color: #111; max-width: 174mm; margin: 2em auto }
h1 { font-size: 16pt; margin: 0 } p { margin: .2em 0; color: #444 }
table { border-collapse: collapse; width: 100%; margin-top: 1.5em }
th, td { text-align: left; padding: .35em .5em; border-bottom: 1px solid #ddd; vertical-align: top }
th { font-weight: 600; border-bottom-color: #111 } tr { break-inside: avoid }
td:nth-child(n+3), th:nth-child(n+3) { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.balance td { font-weight: 600 }
</style>
</head>
<body>
<h1>${TITLES[account]}</h1>
<p>${escapeHtml(name)} · ${escapeHtml(ownerId)}</p>
<p>${month} (UTC)${final ? '' : ', not over yet'}. Amounts in OPEN, to the last wei.</p>
<table>
<thead>${htmlRow(['', '', 'Answers', 'Tokens in / out', 'OPEN'], 'th')}</thead>
<tbody>
${htmlRow(['Opening balance', '', '', '', openOf(openingWei)], 'td', 'balance')}
${rows.join('\n')}
${htmlRow(['Closing balance', '', '', '', openOf(closingWei)], 'td', 'balance')}
</tbody>
</table>
</body>
</html>
`;
}

function htmlRow(cells: readonly string[], tag = 'td', className?: string): string {
  const open = className === undefined ? '<tr>' : `<tr class="${className}">`;
  return `${open}${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);

const WEI_PER_OPEN = 10n ** 18n;

/** Exact: as many decimals as there are. */
export function openOf(wei: bigint): string {
  const size = wei < 0n ? -wei : wei;
  const decimals = (size % WEI_PER_OPEN).toString().padStart(18, '0').replace(/0+$/, '');
  const whole = (size / WEI_PER_OPEN).toLocaleString('en');
  return `${wei < 0n ? '−' : ''}${whole}${decimals === '' ? '' : `.${decimals}`}`;
}
