import { countCharacters } from '@openledger/kernel';

/** What a record of a Datanet looks like. */
export interface RecordSchema {
  readonly kind: RecordKind;
  /** Limits in characters (Unicode code points, after NFC) of the whole record's text. */
  readonly minCharacters: number;
  readonly maxCharacters: number;
}

export type RecordKind = 'instruction' | 'text';

/** The fields of a record, all of them required strings. */
const FIELDS: Record<RecordKind, readonly string[]> = {
  instruction: ['prompt', 'completion'],
  text: ['text'],
};

/** Normalised: NFC, well-formed, without NUL. */
export type TextRecord = Readonly<Record<string, string>>;

export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}

/** Problems of one record that are worth telling; a hostile one may have a million. */
const PROBLEMS_MAX = 5;

/** Checks one parsed value against the schema and normalises its text. */
export function readRecord(
  schema: RecordSchema,
  value: unknown,
): { readonly record: TextRecord } | { readonly problems: readonly FieldProblem[] } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { problems: [{ field: '', message: 'must be an object' }] };
  }
  const fields = FIELDS[schema.kind];
  const problems: FieldProblem[] = [];
  const record: Record<string, string> = {};
  for (const field of fields) {
    const text = Object.hasOwn(value, field) ? (value as Record<string, unknown>)[field] : undefined;
    const message = problemOf(text);
    if (message !== undefined) problems.push({ field, message });
    else record[field] = String(text).normalize('NFC');
  }
  for (const field of Object.keys(value)) {
    if (problems.length >= PROBLEMS_MAX) break;
    if (!fields.includes(field)) problems.push({ field: shown(field), message: 'is not in the schema' });
  }
  if (problems.length > 0) return { problems };

  const length = Object.values(record).reduce((sum, text) => sum + countCharacters(text), 0);
  const { minCharacters, maxCharacters } = schema;
  if (length < minCharacters || length > maxCharacters) {
    const message = `has ${length} characters; allowed are ${minCharacters} to ${maxCharacters}`;
    return { problems: [{ field: fields.join('+'), message }] };
  }
  return { record };
}

function problemOf(text: unknown): string | undefined {
  if (text === undefined) return 'is missing';
  if (typeof text !== 'string') return 'must be a string';
  if (text.trim() === '') return 'is blank';
  // Neither can be stored or shown everywhere, and neither is text.
  if (!text.isWellFormed()) return 'holds half of a surrogate pair';
  if (text.includes('\0')) return 'holds the character U+0000';
  return undefined;
}

/** Names come from strangers and end up in logs and terminals. */
const shown = (name: string) => JSON.stringify(name.slice(0, 40)).slice(1, -1);
