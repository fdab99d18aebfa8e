import type { EncodedEvent } from '@openledger/contracts';
import type { LicenceTree } from '../domain/licence-rule.js';
import type { RecordSchema } from '../domain/record-schema.js';
import type { TypedData } from '../domain/typed-data.js';

export interface Datanet {
  readonly datanetId: string;
  readonly ownerOrganisationId: string;
  readonly ownerPersonId: string;
  readonly name: string;
  readonly domain: string;
  /** SPDX expression. */
  readonly licence: string;
  readonly schema: RecordSchema;
  readonly permissions: { readonly training: boolean; readonly commercialUse: boolean };
  readonly createdAt: Date;
}

export type ContributionStatus =
  | 'awaiting-signature'
  | 'received'
  | 'accepted'
  | 'quarantined'
  | 'rejected'
  | 'withdrawn';

export interface Contribution {
  readonly contributionId: string;
  readonly datanetId: string;
  readonly contributorId: string;
  readonly walletAddress: string;
  readonly licence: string;
  readonly recordsBlob: string;
  readonly recordCount: number;
  readonly merkleRoot: string;
  readonly status: ContributionStatus;
  readonly createdAt: Date;
  /** Until when it may be signed. */
  readonly expiresAt: Date;
  readonly receivedAt?: Date;
  readonly assessment?: Assessment;
  readonly withdrawal?: Withdrawal;
}

export interface Withdrawal {
  readonly withdrawnAt: Date;
  /** As the contributor gave it; empty where he gave none. */
  readonly reason: string;
}

export interface Assessment {
  readonly acceptedCount: number;
  readonly quarantinedCount: number;
  readonly rejectedCount: number;
  readonly reasons: readonly { readonly code: string; readonly message: string; readonly count: number }[];
  readonly verdictsBlob: string;
  readonly assessedAt: Date;
}

export interface Page {
  /** The id of the last item seen; ids sort by time. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** What the use cases ask of one database transaction. */
export interface IngestionTx {
  addDatanet(datanet: Datanet): Promise<void>;
  /** Events of one Datanet leave in the order in which this lock was taken. */
  lockDatanet(datanetId: string): Promise<void>;
  addContribution(contribution: Contribution): Promise<void>;
  countUnsigned(contributorId: string): Promise<number>;
  /** Locks the contributor's unsigned contributions against others being added meanwhile. */
  lockContributor(contributorId: string): Promise<void>;
  findContribution(contributionId: string): Promise<Contribution | undefined>;
  /** False when it was signed meanwhile. */
  markReceived(contributionId: string, signature: string, now: Date): Promise<boolean>;
  /** False when it was withdrawn before. */
  withdraw(contributionId: string, withdrawal: Withdrawal): Promise<boolean>;
  /** Keeps a withdrawn contribution withdrawn. False when there is no such contribution. */
  assess(contributionId: string, status: ContributionStatus, assessment: Assessment): Promise<boolean>;
  emit(event: EncodedEvent): Promise<void>;
}

export abstract class IngestionStore {
  abstract transaction<T>(work: (tx: IngestionTx) => Promise<T>): Promise<T>;
  /** Once for each event. */
  abstract once(eventId: string, work: (tx: IngestionTx) => Promise<void>): Promise<boolean>;
  abstract findDatanet(datanetId: string): Promise<Datanet | undefined>;
  abstract listDatanets(page: Page): Promise<Datanet[]>;
  abstract findContribution(contributionId: string): Promise<Contribution | undefined>;
  /** Signed ones only. */
  abstract listContributions(datanetId: string, page: Page): Promise<Contribution[]>;
  /** Forgets contributions that nobody signed in time; returns how many. */
  abstract sweepUnsigned(now: Date): Promise<number>;
}

export abstract class Licences {
  /** @throws DomainError LICENCE_UNKNOWN for what is not an expression over the SPDX list */
  abstract parse(expression: string): LicenceTree;
}

export abstract class Wallets {
  /** The EIP-55 address that signed. @throws DomainError SIGNATURE_MALFORMED */
  abstract signerOf(data: TypedData, signature: string): string;
}

/** An upload as it arrived, in a file of our own. */
export interface StagedUpload {
  readonly path: string;
  readonly bytes: number;
}

export interface UploadForm {
  readonly format: 'jsonl' | 'csv' | 'text';
  readonly gzip: boolean;
}

export abstract class Staging {
  /**
   * Writes the stream to a file, lets `use` have it, and removes it in any case.
   *
   * @throws DomainError UPLOAD_TOO_LARGE, LINE_TOO_LONG, UPLOAD_INTERRUPTED
   */
  abstract hold<T>(
    chunks: AsyncIterable<Uint8Array>,
    form: UploadForm,
    use: (upload: StagedUpload) => Promise<T>,
  ): Promise<T>;
}

export interface ParsedRecords {
  readonly recordsBlob: string;
  readonly recordCount: number;
  readonly merkleRoot: string;
}

export abstract class RecordParser {
  /**
   * Reads a staged upload apart from the service, and stores its canonical records. Stores nothing when
   * anything is wrong with it.
   *
   * @throws DomainError with the code of what is wrong
   */
  abstract parse(upload: StagedUpload, form: UploadForm, schema: RecordSchema): Promise<ParsedRecords>;
}
