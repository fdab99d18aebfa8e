import { type Clock, DomainError, newId } from '@openledger/kernel';
import type {
  Contribution,
  Datanet,
  IngestionStore,
  Licences,
  RecordParser,
  Staging,
  UploadForm,
} from './ports.js';

/** Time to sign what was uploaded. */
const SIGNATURE_TTL_MS = 24 * 60 * 60_000;
const UNSIGNED_PER_CONTRIBUTOR_MAX = 100;

export interface Upload {
  readonly datanetId: string;
  /** As declared in the header. */
  readonly licence: string | undefined;
  readonly form: UploadForm;
  readonly chunks: AsyncIterable<Uint8Array>;
}

interface Parts {
  readonly store: IngestionStore;
  readonly licences: Licences;
  readonly staging: Staging;
  readonly parser: RecordParser;
  readonly clock: Clock;
}

/** Takes a batch of records in; it counts only when its contributor has signed it. */
export class UploadContribution {
  constructor(private readonly parts: Parts) {}

  /** @throws DomainError DATANET_UNKNOWN, LICENCE_…, CONTENT_TYPE_UNSUPPORTED, and those of reading the upload */
  async run(upload: Upload, contributor: { personId: string; walletAddress: string }): Promise<Contribution> {
    const { store, staging, parser, clock } = this.parts;
    const datanet = await store.findDatanet(upload.datanetId);
    if (datanet === undefined) throw datanetUnknown(upload.datanetId);
    const licence = this.licenceFor(datanet, upload.licence);
    if (upload.form.format === 'text' && datanet.schema.kind !== 'text') {
      const message = 'Plain text holds records of kind text only: send JSON lines or CSV to this Datanet.';
      throw new DomainError('invalid', 'CONTENT_TYPE_UNSUPPORTED', message);
    }
    const parsed = await staging.hold(upload.chunks, upload.form, (staged) =>
      parser.parse(staged, upload.form, datanet.schema),
    );
    const createdAt = clock.now();
    const contribution: Contribution = {
      ...parsed,
      contributionId: newId(createdAt.getTime()),
      datanetId: datanet.datanetId,
      contributorId: contributor.personId,
      walletAddress: contributor.walletAddress,
      licence,
      status: 'awaiting-signature',
      createdAt,
      expiresAt: new Date(createdAt.getTime() + SIGNATURE_TTL_MS),
    };
    await store.transaction(async (tx) => {
      await tx.lockContributor(contributor.personId);
      if ((await tx.countUnsigned(contributor.personId)) >= UNSIGNED_PER_CONTRIBUTOR_MAX) {
        const message = `You have ${UNSIGNED_PER_CONTRIBUTOR_MAX} unsigned contributions: sign some first.`;
        throw new DomainError('conflict', 'CONTRIBUTIONS_UNSIGNED_TOO_MANY', message);
      }
      await tx.addContribution(contribution);
    });
    return contribution;
  }

  private licenceFor(datanet: Datanet, declared: string | undefined): string {
    if (declared === undefined || declared.trim() === '') {
      const message = `Declare the licence in the header x-openledger-licence: this Datanet takes ${datanet.licence}.`;
      throw new DomainError('invalid', 'LICENCE_MISSING', message);
    }
    const licence = declared.trim();
    this.parts.licences.parse(licence);
    if (licence !== datanet.licence) {
      const message = `This Datanet takes contributions under ${datanet.licence}, not ${licence}.`;
      throw new DomainError('invalid', 'LICENCE_MISMATCH', message);
    }
    return licence;
  }
}

export const datanetUnknown = (datanetId: string) =>
  new DomainError('not-found', 'DATANET_UNKNOWN', 'There is no such Datanet.', { details: { datanetId } });
