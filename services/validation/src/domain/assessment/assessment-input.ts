import type { Sha256 } from '@openledger/kernel';
import type { IndexKeys } from '../duplicates/index-keys.js';
import type { RecordSchema } from '../records/record-content.js';
import type { Match } from './verdict.js';

export interface ContributionFacts {
  readonly contributionId: string;
  readonly datanetId: string;
  readonly contributorId: string;
  readonly schema: RecordSchema;
  /** Below this a record is rejected. 0…1 */
  readonly qualityMin: number;
}

/** What the persistent index must be asked about one record. */
export interface RecordQuestion extends IndexKeys {
  readonly index: number;
  /** SHA-256 of the normalised text. */
  readonly textHash: Sha256;
}

/**
 * A text that is known, and the earlier accepted record that owns it: the one it was sent as, or the one it
 * was found to repeat.
 */
export interface EarlierRecord extends Omit<Match, 'similarity'> {
  readonly normalisedText: string;
}

/** The index's answer: the earliest record of the same words, and some that may be near. */
export interface RecordAnswer {
  readonly exact?: EarlierRecord;
  readonly candidates: readonly EarlierRecord[];
}
