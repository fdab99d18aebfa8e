import type { BlobStore } from '@openledger/blob-store';
import { seededRandom } from '@openledger/transformer';
import type { AuditReport } from '../../application/ports.js';
import { auditQueries } from '../../domain/audit/groups.js';
import { dot } from '../../domain/influence/arithmetic.js';
import { storeJson } from '../json-blob.js';
import { type InfluenceSpace, rowOf } from './influence/influence-space.js';
import type { Matrix } from './influence/products.js';
import { endOf } from './influence/trajectory-rows.js';
import { auditVersion, type VersionAudit } from './oracle/audit-version.js';
import type { VersionModel } from './version-model.js';

const SEED = 20_261_122;
/** What is asked in the quick audit that is part of every index, and in the deep one. */
const QUICK_QUERIES_MAX = 8;
const DEEP_QUERIES_MAX = 24;

export interface AuditedIndex {
  readonly model: VersionModel;
  readonly space: InfluenceSpace;
  /** Of the records, in the order of the lineage. */
  readonly vectors: Matrix;
}

/**
 * Holds what the vectors say against what training again says, as far as the time allows.
 *
 * @param secondsMax none: a step is taken back, nothing is trained again.
 */
export async function auditIndex(
  { model, space, vectors }: AuditedIndex,
  secondsMax: number,
): Promise<VersionAudit> {
  const heldOut = model.heldOut.length >= 2;
  const most = secondsMax > 0 ? DEEP_QUERIES_MAX : QUICK_QUERIES_MAX;
  const known = heldOut ? model.heldOut : model.records;
  const owners = known.map(({ contributorId }) => contributorId);
  const asked = auditQueries(owners, most, seededRandom(SEED)).flatMap((at) => known[at] ?? []);
  const queries = asked.map((record) => model.exampleOf(record));
  const answers = await space.answers(queries);
  return auditVersion(
    {
      training: model.training,
      point: endOf(model.trajectory),
      owners: model.records.map(({ contributorId }) => contributorId),
      stakes: model.records.map(({ tokens, quality }) => tokens * quality),
      queries,
      heldOut,
      predict: (examples, query) => {
        const answer = rowOf(answers, query);
        return examples.reduce((sum, example) => sum + dot(rowOf(vectors, example), answer), 0);
      },
    },
    { secondsMax, random: seededRandom(SEED) },
  );
}

/** The audit as it is published. */
export async function storeAudit(
  blobs: BlobStore,
  audit: VersionAudit,
  indexDigest: string,
): Promise<AuditReport> {
  const { method, reliability, impact } = audit;
  return {
    reliability: {
      ppb: reliability.reliabilityPpb,
      lowPpb: reliability.lowPpb,
      highPpb: reliability.highPpb,
    },
    method,
    auditBlob: await storeJson(blobs, { format: 'openledger-attribution-audit/1', indexDigest, ...audit }),
    ...(impact && { impact }),
  };
}
