const MIB = 1024 * 1024;

/**
 * The largest contribution, in records and in bytes of canonical JSON lines. Ingestion refuses what is
 * larger, so that nobody signs what validation would reject whole; both may be configured to less.
 */
export const CONTRIBUTION_RECORDS_MAX = 50_000;
export const CONTRIBUTION_BYTES_MAX = 64 * MIB;

/** Of a record's text, in code points: no Datanet may ask for longer ones. */
export const RECORD_CHARACTERS_MAX = 200_000;

/** Code points of a well-formed text. */
export function countCharacters(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // The second half of a pair belongs to the character before it.
    if (unit < 0xdc00 || unit > 0xdfff) count++;
  }
  return count;
}
