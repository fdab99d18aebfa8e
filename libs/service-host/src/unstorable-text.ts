import { DomainError } from '@openledger/kernel';

/** Postgres: character_not_in_repertoire, untranslatable_character. Strings may hold U+0000, its text may not. */
const UNSTORABLE = new Set(['22021', '22P05']);

/** What a database says of text that a caller sent, as the refusal that it is. */
export function unstorableText(error: unknown): DomainError | undefined {
  if (!(error instanceof Error) || !UNSTORABLE.has(String((error as { code?: unknown }).code)))
    return undefined;
  return new DomainError('invalid', 'REQUEST_INVALID', 'Text must not hold the character U+0000.');
}
