import { sha256 } from '@openledger/kernel';

/** A record as validation accepted it; plain text has an empty prompt. */
export interface RecordText {
  readonly prompt: string;
  readonly completion: string;
}

/** Equal for texts that read the same: composed characters (NFC), without white space around. */
export const contentHash = (text: string): string => sha256(text.normalize('NFC').trim());

/** What a chunk of a record may say: the whole of it, or the answer of an instruction alone. */
export const contentHashes = ({ prompt, completion }: RecordText): string[] =>
  prompt === ''
    ? [contentHash(completion)]
    : [contentHash(completion), contentHash(`${prompt}\n${completion}`)];
