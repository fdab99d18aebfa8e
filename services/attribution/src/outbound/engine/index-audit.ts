import type { BlobStore } from '@openledger/blob-store';
import { PPB } from '@openledger/kernel';
import type { AuditOrder, AuditReport } from '../../application/ports.js';
import { correlationInterval } from '../../domain/audit/interval.js';
import { readJson } from '../json-blob.js';
import type { IndexDescription } from './version-index.js';

/** The audit that the build of an index made, with the interval that its pairs allow. */
export async function indexAudit(blobs: BlobStore, { indexDigest }: AuditOrder): Promise<AuditReport> {
  const { audit, reliabilityPpb } = (await readJson(blobs, indexDigest)) as IndexDescription;
  const { low, high } = correlationInterval(audit.pearson, audit.pairs);
  const ppb = (r: number) => Math.round(Math.max(0, r) ** 2 * Number(PPB));
  return {
    reliability: {
      ppb: reliabilityPpb,
      lowPpb: Math.min(ppb(low), reliabilityPpb),
      highPpb: Math.max(ppb(high), reliabilityPpb),
    },
    method: 'LOCAL_STEP',
    auditBlob: indexDigest,
  };
}
