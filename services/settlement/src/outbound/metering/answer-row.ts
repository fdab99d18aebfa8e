import { cachedPriceOf, type Price } from '@openledger/kernel';
import type { Answer, Credit, ReceiptPart } from '../../application/metering/answer-ports.js';
import type { ScoredRequest, ServedRequest, ToldFee } from '../../application/metering/metering-ports.js';
import type { Role } from '../../domain/split/split-fee.js';

/** A row of table `request`; what has not arrived yet is null. */
export interface AnswerRow {
  readonly id: string;
  readonly organisation_id: string | null;
  readonly model_id: string | null;
  readonly prompt_tokens: number | null;
  readonly cached_tokens: number | null;
  readonly completion_tokens: number | null;
  readonly hold_id: string | null;
  readonly told: ToldFee | null;
  readonly adapter_digest: string | null;
  readonly node_key: string | null;
  readonly served_at: Date | null;
  readonly attribution: StoredAttribution | WideAttribution | null;
  readonly priced: string | null;
  readonly fee: string | null;
  readonly price: string | null;
  readonly charge_batch: string | null;
  readonly credited_at: Date | null;
  readonly credit_batch: string | null;
  readonly ledger_epoch: number | null;
  readonly policy_version: number | null;
  readonly royalties: string | null;
  readonly part_roles: string[] | null;
  readonly part_payees: string[] | null;
  readonly part_parties: string[] | null;
  readonly part_amounts: string[] | null;
}

/**
 * Without names, which would be half of it: base model, reserve, reliability, then for each contributor id, party,
 * influence, context, base. Shares are at most 1e9, so JSON numbers hold them exactly.
 */
type StoredAttribution = readonly [number, number, number, ...StoredShare[]];
type StoredShare = readonly [string, string, number, number, number];

/** A payee who is his own party, as most are: the id need not be written twice. */
const OWN_PARTY = '=';

export const writeParty = ({
  payeeId,
  partyId,
}: {
  readonly payeeId: string;
  readonly partyId: string;
}): string => (partyId === payeeId && payeeId !== '' ? OWN_PARTY : partyId);

const readParty = (payeeId: string, stored: string): string => (stored === OWN_PARTY ? payeeId : stored);

/** As rows from before had it. */
interface WideAttribution {
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
  const stored: StoredAttribution = [
    Number(attribution.baseModelPpb),
    Number(attribution.reservePpb),
    Number(attribution.reliabilityPpb),
    ...attribution.contributors.map(
      (share): StoredShare => [
        share.contributorId,
        writeParty({ payeeId: share.contributorId, partyId: partyOf.get(share.contributorId) ?? '' }),
        Number(share.influencePpb),
        Number(share.contextPpb),
        Number(share.basePpb),
      ],
    ),
  ];
  return JSON.stringify(stored);
}

/** What is stored of an attribution, in either form. */
export function readScored(stored: NonNullable<AnswerRow['attribution']>): ScoredRequest {
  const [baseModel, reserve, reliability, ...shares] = isCompact(stored) ? stored : compact(stored);
  return {
    attribution: {
      contributors: shares.map(([contributorId, , influence, context, base]) => ({
        contributorId,
        influencePpb: BigInt(influence),
        contextPpb: BigInt(context),
        basePpb: BigInt(base),
      })),
      baseModelPpb: BigInt(baseModel),
      reservePpb: BigInt(reserve),
      reliabilityPpb: BigInt(reliability),
    },
    partyOf: new Map(shares.map(([id, party]) => [id, readParty(id, party)])),
  };
}

const isCompact = (stored: StoredAttribution | WideAttribution): stored is StoredAttribution =>
  Array.isArray(stored);

const compact = (wide: WideAttribution): StoredAttribution => [
  wide.baseModelPpb,
  wide.reservePpb,
  wide.reliabilityPpb,
  ...wide.contributors.map(
    (share): StoredShare => [
      share.contributorId,
      share.partyId,
      share.influencePpb,
      share.contextPpb ?? 0,
      share.basePpb,
    ],
  ),
];

/** Wei per million tokens: prompt, cached prompt, completion; never in need of quotes. */
export const writePrice = (price: Price): string =>
  [price.promptWeiPerMillion, cachedPriceOf(price), price.completionWeiPerMillion].join('/');

export function toAnswer(row: AnswerRow): Answer {
  const served = servedOf(row);
  const credit = creditOf(row);
  return {
    id: row.id,
    ...(served ? { served } : {}),
    ...(row.attribution ? { scored: readScored(row.attribution) } : {}),
    ...(row.fee === null || row.priced === null
      ? {}
      : {
          charge: {
            pricedWei: BigInt(row.priced),
            feeWei: BigInt(row.fee),
            batchId: row.charge_batch ?? row.id,
          },
        }),
    ...(credit ? { credit } : {}),
  };
}

function servedOf(row: AnswerRow): ServedRequest | undefined {
  if (row.served_at === null || row.organisation_id === null || row.model_id === null) return undefined;
  return {
    id: row.id,
    organisationId: row.organisation_id,
    modelId: row.model_id,
    usage: {
      promptTokens: row.prompt_tokens ?? 0,
      ...(row.cached_tokens === null ? {} : { cachedTokens: row.cached_tokens }),
      completionTokens: row.completion_tokens ?? 0,
    },
    holdId: row.hold_id ?? '',
    ...(row.told ? { told: row.told } : {}),
    ...(row.adapter_digest === null ? {} : { adapterDigest: row.adapter_digest }),
    ...(row.node_key === null ? {} : { nodeKey: row.node_key }),
    servedAt: row.served_at,
  };
}

function creditOf(row: AnswerRow): Credit | undefined {
  if (row.credited_at === null) return undefined;
  return {
    batchId: row.credit_batch ?? row.id,
    parts: partsOf(row),
    ...(row.policy_version === null ? {} : { policyVersion: row.policy_version }),
    ledgerEpoch: row.ledger_epoch ?? 0,
    creditedAt: row.credited_at,
  };
}

type PartColumns = Pick<AnswerRow, 'part_roles' | 'part_payees' | 'part_parties' | 'part_amounts'>;

/** Parts of a receipt, in the order of the split; none before it is credited. */
export const partsOf = (row: PartColumns): ReceiptPart[] =>
  (row.part_amounts ?? []).map((amount, i) => ({
    role: (row.part_roles?.[i] ?? '') as Role,
    payeeId: row.part_payees?.[i] ?? '',
    partyId: readParty(row.part_payees?.[i] ?? '', row.part_parties?.[i] ?? ''),
    amountWei: BigInt(amount),
  }));
