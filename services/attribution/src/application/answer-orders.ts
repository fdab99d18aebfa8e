import type { AnswerOrder, IndexSummary, ModelVersion } from './ports.js';
import type { RecordOwner, RecordRegistry } from './record-registry.js';
import { type ReadStore, reliabilityOf, type ServedAnswer, type VersionStatus } from './store-port.js';

/** Who owns the chunks that were retrieved for an answer, by record. */
export interface ChunkOwners {
  of(tokensBlob: string): Promise<ReadonlyMap<string, RecordOwner>>;
}

/** A version whose index is there. */
export interface IndexedVersion {
  readonly version: ModelVersion;
  readonly index: IndexSummary;
  readonly status: VersionStatus;
}

/** Puts together what scoring an answer takes, as it is known now. */
export class AnswerOrders {
  constructor(
    private readonly reads: ReadStore,
    private readonly registry: Pick<RecordRegistry, 'withdrawnContributions'>,
    private readonly owners: ChunkOwners,
  ) {}

  /** Undefined where the version has no index. */
  async versionOf(
    answer: Pick<ServedAnswer, 'modelId' | 'adapterDigest'>,
  ): Promise<IndexedVersion | undefined> {
    const status = await this.reads.version(answer.modelId, answer.adapterDigest);
    return status?.index && { version: status, index: status.index, status };
  }

  async of({ version, index, status }: IndexedVersion, answer: ServedAnswer): Promise<AnswerOrder> {
    const { requestId, tokensBlob } = answer;
    const stakeholders = index.stakes.map(({ contributorId }) => contributorId);
    const chunkOwners = await this.owners.of(tokensBlob);
    const owners = [...chunkOwners.values()].map(({ contributorId }) => contributorId);
    const everybody = [...new Set([...stakeholders, ...owners])];
    return {
      version,
      indexDigest: index.digest,
      requestId,
      tokensBlob,
      parties: await this.reads.partiesOf(everybody),
      withdrawn: await this.registry.withdrawnContributions(everybody),
      chunkOwners,
      reliability: reliabilityOf(index, status.audit),
    };
  }
}
