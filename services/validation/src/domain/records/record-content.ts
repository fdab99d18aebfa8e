import {
  canonicalJson,
  countCharacters,
  type Json,
  RECORD_CHARACTERS_MAX,
  type Sha256,
  sha256,
} from '@openledger/kernel';

/** What a record of the Datanet looks like; this service's copy. Limits in code points of the whole text. */
export interface RecordSchema {
  readonly kind: 'instruction' | 'text';
  readonly minCharacters: number;
  readonly maxCharacters: number;
}

export interface RecordContent {
  readonly id: Sha256;
  /** Canonical. */
  readonly json: string;
  /** What is compared and rated. */
  readonly text: string;
  /** Everything a person wrote in it, for the search for personal data. */
  readonly allText: string;
  readonly prompt?: string;
  readonly completion?: string;
}

export type ReadRecord =
  | { readonly ok: true; readonly content: RecordContent }
  | { readonly ok: false; readonly id: Sha256; readonly problem: string };

const DEPTH_MAX = 8;

/** Reads one line again, trusting nothing that was checked on the way in. */
export function readRecord(line: string, schema: RecordSchema): ReadRecord {
  const refuse = (problem: string, id = sha256(line)): ReadRecord => ({ ok: false, id, problem });
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return refuse('The line is not JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse('The record is not a JSON object.');
  }
  const strings: string[] = [];
  if (!collectStrings(value, strings, 0))
    return refuse(`The record is nested deeper than ${DEPTH_MAX} levels.`);
  const json = canonicalJson(value as Json);
  const id = sha256(json);
  const fields = schema.kind === 'instruction' ? ['prompt', 'completion'] : ['text'];
  const parts: string[] = [];
  for (const field of fields) {
    const part = (value as Record<string, unknown>)[field];
    if (typeof part !== 'string') return refuse(`"${field}" is missing or is not text.`, id);
    if (part.trim() === '') return refuse(`"${field}" is empty.`, id);
    if (!part.isWellFormed()) return refuse(`"${field}" has characters that are not Unicode.`, id);
    parts.push(part);
  }
  const text = parts.join('\n');
  const max = Math.min(schema.maxCharacters || RECORD_CHARACTERS_MAX, RECORD_CHARACTERS_MAX);
  const characters = parts.reduce((sum, part) => sum + countCharacters(part), 0);
  if (characters < schema.minCharacters || characters > max) {
    return refuse(
      `The text has ${characters} characters; the Datanet takes ${schema.minCharacters} to ${max}.`,
      id,
    );
  }
  const [prompt = '', completion = ''] = parts;
  const instruction = schema.kind === 'instruction' ? { prompt, completion } : {};
  return { ok: true, content: { id, json, text, allText: strings.join('\n'), ...instruction } };
}

function collectStrings(value: unknown, into: string[], depth: number): boolean {
  if (depth > DEPTH_MAX) return false;
  if (typeof value === 'string') into.push(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.values(value).every((item) => collectStrings(item, into, depth + 1));
}
