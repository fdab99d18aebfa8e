import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Beside the repository; this file runs from services/validation/dist/test. */
const FOLDER = fileURLToPath(new URL('../../../../../shared/data/', import.meta.url));

/** `describe` where the real data is there; CI must have it, elsewhere it says what it left out. */
export function describeOnRealData(name: string, tests: () => void): void {
  if (existsSync(FOLDER)) {
    describe(name, tests);
    return;
  }
  if (process.env.CI === 'true') {
    describe(name, () => {
      it('finds the data', () => {
        throw new Error(`CI needs the real data at ${FOLDER}`);
      });
    });
    return;
  }
  process.stdout.write(`skipped "${name}": there is no ../shared/data beside the repository\n`);
  describe.skip(name, () => {
    it('needs ../shared/data', () => undefined);
  });
}

const readText = (path: string): string => readFileSync(`${FOLDER}${path}`, 'utf8');

export type Pair = Readonly<Record<'prompt' | 'completion', string>>;

export const INSTITUTES = ['cancer-gov', 'nhlbi', 'niddk', 'ninds', 'gard'] as const;
export type Institute = (typeof INSTITUTES)[number];

export function medquad(institute: Institute): Pair[] {
  const lines = readText(`medquad/${institute}.jsonl`).trim().split('\n');
  return lines.map((line) => {
    const { prompt, completion } = JSON.parse(line) as Pair;
    return { prompt, completion };
  });
}

export interface LabelledSentence {
  readonly full_text: string;
  readonly spans: readonly { readonly entity_type: string }[];
}

export const labelledSentences = (): LabelledSentence[] =>
  JSON.parse(readText('pii/synth_dataset_v2.json')) as LabelledSentence[];

export interface Bibliography {
  /** Text of each record, by id. */
  readonly texts: ReadonlyMap<string, string>;
  /** Ids of records that are the same work. */
  readonly groups: readonly (readonly string[])[];
}

export function bibliography(name: 'respiratory' | 'stroke'): Bibliography {
  const [header = [], ...rows] = parseCsv(readText(`near-duplicates/${name}/records_pre_merged.csv`));
  const column = (title: string) => header.indexOf(title);
  const field = (row: readonly string[], title: string) => row[column(title)] ?? '';
  const texts = new Map(
    rows.map((row) => [
      field(row, 'ID'),
      ['title', 'author', 'year', 'journal', 'volume', 'pages'].map((title) => field(row, title)).join('. '),
    ]),
  );
  const groups = parseCsv(readText(`near-duplicates/${name}/merged_record_ids.csv`)).slice(1);
  return { texts, groups: groups.map(([ids = '']) => ids.split(';')) };
}

/** RFC 4180. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const match of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    row.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === ',') continue;
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
  }
  return rows;
}
