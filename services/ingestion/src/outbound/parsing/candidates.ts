/** Something that may be a record: its schema is checked later. */
export type Candidate =
  | { readonly line: number; readonly value: unknown }
  /** Not even that; says why. */
  | { readonly line: number; readonly malformed: string };
