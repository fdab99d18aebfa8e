/** A record as it was accepted: whose it is and what it says, by hash. */
export interface RegisteredRecord {
  /** SHA-256 of the canonical record. */
  readonly recordId: string;
  /** Of each text that a chunk of it may be; see `contentHashes`. */
  readonly contentHashes: readonly string[];
}

/** The accepted part of a contribution. */
export interface RegisteredContribution {
  readonly contributionId: string;
  readonly datanetId: string;
  readonly contributorId: string;
  /** SHA-256 of the accepted records. */
  readonly acceptedBlob: string;
  readonly acceptedAt: Date;
}

export interface Withdrawal {
  readonly contributionId: string;
  readonly datanetId: string;
  readonly contributorId: string;
  readonly reason: string;
  readonly withdrawnAt: Date;
}

/** Who registered a record first. */
export interface RecordOwner extends RegisteredRecord {
  readonly contributorId: string;
  readonly contributionId: string;
  readonly datanetId: string;
  readonly acceptedAt: Date;
  /** Set where he has taken back every contribution of his that holds it: it earns nothing then, nor does a copy. */
  readonly withdrawnAt?: Date;
}

/** Every accepted record with the contributor who registered it first. */
export abstract class RecordRegistry {
  /**
   * Replaces what was accepted of the contribution before. All of it or nothing.
   *
   * @param batches of records, read while the transaction is open
   * @returns false when the event was handled before
   */
  abstract register(
    eventId: string,
    contribution: RegisteredContribution,
    batches: AsyncIterable<readonly RegisteredRecord[]>,
  ): Promise<boolean>;
  /** Also of a contribution that is not registered yet. */
  abstract withdraw(eventId: string, withdrawal: Withdrawal): Promise<boolean>;
  /** By record; what nobody registered is not in it. */
  abstract recordOwners(recordIds: readonly string[]): Promise<ReadonlyMap<string, RecordOwner>>;
  /** Those of the records whose owner took them back. */
  abstract withdrawnRecords(recordIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** Contributions that these contributors took back, in order of their ids. */
  abstract withdrawnContributions(contributorIds: readonly string[]): Promise<readonly string[]>;
}
