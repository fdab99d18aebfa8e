import { DomainError } from '@openledger/kernel';
import type { z } from 'zod';
import type { Step } from '../terminal/steps.js';
import type { Actor } from './actors.js';
import { Contribution, Upload } from './pages.js';
import type { DemoRecord } from './scenario.js';

export type Assessed = z.infer<typeof Contribution> & { readonly contributionId: string };

const ENDED = new Set(['accepted', 'quarantined', 'rejected']);

/** Uploads records, signs what the server read (EIP-712), and waits for the verdict. */
export async function contribute(
  actor: Actor,
  datanet: { readonly id: string; readonly licence: string },
  records: readonly DemoRecord[],
  step: Step,
): Promise<Assessed> {
  const lines = records.map((record) => JSON.stringify(record)).join('\n');
  step.progress(0.2, `${records.length} records, upload`);
  const path = `/datanets/${datanet.id}/contributions`;
  const { contributionId, typedData } = await actor.client.upload(path, lines, datanet.licence, Upload);
  step.progress(0.5, `${records.length} records, signature`);
  const signature = await actor.wallet.signTypedData(typedData.domain, typedData.types, typedData.message);
  await actor.client.post(`/contributions/${contributionId}/signature`, { signature }, Contribution);
  step.progress(0.7, `${records.length} records, validation`);
  const page = await actor.client.until(`/contributions/${contributionId}`, Contribution, ({ status }) =>
    ENDED.has(status),
  );
  if (page.status !== 'accepted' && page.acceptedCount > 0) {
    throw new DomainError(
      'precondition',
      'CONTRIBUTION_UNDECIDED',
      `Contribution ${contributionId} is ${page.status}.`,
    );
  }
  step.progress(1, `${page.acceptedCount} of ${records.length} records accepted`);
  return { ...page, contributionId };
}
