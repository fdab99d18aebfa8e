import { DomainError, type Price } from '@openledger/kernel';

/** Where a worker finds the weights that stand behind a model. */
export interface AdapterReference {
  readonly digest: string;
  readonly configBlob: string;
  readonly weightsBlob: string;
}

/** Something that a caller can name in `model`. */
export interface ServableModel {
  /** Empty for the base model alone. */
  readonly modelId: string;
  readonly name: string;
  readonly baseName: string;
  readonly baseDigest: string;
  /** Absent for the base model alone. */
  readonly adapter?: AdapterReference;
  /** Absent for the base model alone, which is free. */
  readonly price?: Price;
  /** The developer's organisation; empty for the base model. */
  readonly ownedBy: string;
  readonly deployedAt: Date;
}

/** `name`, or `name@digest` to pin the version: at least {@link PIN_DIGITS_MIN} digits of the adapter's digest. */
export interface ModelReference {
  readonly name: string;
  readonly digestPrefix: string;
}

const PIN_DIGITS_MIN = 8;
const PINNED = new RegExp(`^(.+)@([0-9a-f]{${PIN_DIGITS_MIN},64})$`);

export function parseModelReference(text: string): ModelReference {
  const [, name, digestPrefix] = PINNED.exec(text) ?? [];
  return name && digestPrefix ? { name, digestPrefix } : { name: text, digestPrefix: '' };
}

const NAME_CHARACTERS_MAX = 512;

/** Whether a text may be a reference at all; Postgres has no U+0000. */
export const mayName = (text: string): boolean =>
  text.length > 0 && text.length <= NAME_CHARACTERS_MAX && !text.includes('\0');

const TOLD_CHARACTERS_MAX = 128;

export const modelNotFound = (reference: string): DomainError =>
  new DomainError(
    'not-found',
    'MODEL_NOT_FOUND',
    `The model "${reference.slice(0, TOLD_CHARACTERS_MAX)}" does not exist. GET /v1/models lists those that do.`,
    { details: { param: 'model' } },
  );
