import type { RequestState, ScoredRequest, ServedRequest, ToldFee } from '../application/metering-ports.js';

/** A row of table `request`; what has not arrived yet is null. */
export interface RequestRow {
  readonly id: string;
  readonly organisation_id: string | null;
  readonly model_id: string | null;
  readonly prompt_tokens: number | null;
  readonly completion_tokens: number | null;
  readonly hold_id: string | null;
  readonly told: ToldFee | null;
  readonly served_at: Date | null;
  readonly attribution: StoredAttribution | null;
  readonly fee: string | null;
  readonly credited_at: Date | null;
}

/** Shares are at most 1e9, so JSON numbers hold them exactly. */
interface StoredAttribution {
  readonly baseModelPpb: number;
  readonly reservePpb: number;
  readonly reliabilityPpb: number;
  readonly contributors: readonly {
    readonly contributorId: string;
    readonly partyId: string;
    readonly influencePpb: number;
    /** Absent in rows from before there were retrieved chunks. */
    readonly contextPpb?: number;
    readonly basePpb: number;
  }[];
}

export function writeScored({ attribution, partyOf }: ScoredRequest): string {
  const stored: StoredAttribution = {
    baseModelPpb: Number(attribution.baseModelPpb),
    reservePpb: Number(attribution.reservePpb),
    reliabilityPpb: Number(attribution.reliabilityPpb),
    contributors: attribution.contributors.map((share) => ({
      contributorId: share.contributorId,
      partyId: partyOf.get(share.contributorId) ?? '',
      influencePpb: Number(share.influencePpb),
      contextPpb: Number(share.contextPpb),
      basePpb: Number(share.basePpb),
    })),
  };
  return JSON.stringify(stored);
}

export function toRequestState(row: RequestRow): RequestState {
  const served = servedOf(row);
  return {
    ...(served ? { served } : {}),
    ...(row.attribution ? { scored: scoredOf(row.attribution) } : {}),
    ...(row.fee === null ? {} : { feeWei: BigInt(row.fee) }),
    credited: row.credited_at !== null,
  };
}

function servedOf(row: RequestRow): ServedRequest | undefined {
  if (row.served_at === null || row.organisation_id === null || row.model_id === null) return undefined;
  return {
    id: row.id,
    organisationId: row.organisation_id,
    modelId: row.model_id,
    usage: { promptTokens: row.prompt_tokens ?? 0, completionTokens: row.completion_tokens ?? 0 },
    holdId: row.hold_id ?? '',
    ...(row.told ? { told: row.told } : {}),
    servedAt: row.served_at,
  };
}

function scoredOf(stored: StoredAttribution): ScoredRequest {
  return {
    attribution: {
      contributors: stored.contributors.map((share) => ({
        contributorId: share.contributorId,
        influencePpb: BigInt(share.influencePpb),
        contextPpb: BigInt(share.contextPpb ?? 0),
        basePpb: BigInt(share.basePpb),
      })),
      baseModelPpb: BigInt(stored.baseModelPpb),
      reservePpb: BigInt(stored.reservePpb),
      reliabilityPpb: BigInt(stored.reliabilityPpb),
    },
    partyOf: new Map(stored.contributors.map((share) => [share.contributorId, share.partyId])),
  };
}
