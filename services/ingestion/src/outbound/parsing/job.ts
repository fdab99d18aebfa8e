import type { ErrorKind } from '@openledger/kernel';
import type { RecordSchema } from '../../domain/record-schema.js';

export type Format = 'jsonl' | 'csv' | 'text';

export interface ParseLimits {
  /** Of a line, and of a record that spans several. */
  readonly lineBytesMax: number;
  readonly linesMax: number;
  readonly recordsMax: number;
  /** After decompression. */
  readonly uploadBytesMax: number;
  /** Of the canonical records. */
  readonly recordsBytesMax: number;
  /** Decompressed to compressed. */
  readonly ratioMax: number;
}

/** What the parent asks of the parser process; the bytes come on its standard input. */
export interface ParseJob {
  readonly format: Format;
  readonly gzip: boolean;
  readonly schema: RecordSchema;
  readonly limits: ParseLimits;
}

/** What it answers; the canonical records went to its standard output. */
export type ParseOutcome =
  | { readonly ok: true; readonly recordCount: number; readonly merkleRoot: string }
  | { readonly ok: false; readonly refusal: WireRefusal }
  | { readonly ok: false; readonly crash: string };

/** A DomainError between processes. */
export interface WireRefusal {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, string | number>>;
}
