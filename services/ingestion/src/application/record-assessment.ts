import { type ContributionAssessed, Verdict } from '@openledger/contracts';
import { invariant } from '@openledger/kernel';
import type { ContributionStatus, IngestionStore } from './ports.js';

const STATUS: Partial<Record<Verdict, ContributionStatus>> = {
  [Verdict.VERDICT_ACCEPTED]: 'accepted',
  [Verdict.VERDICT_QUARANTINED]: 'quarantined',
  [Verdict.VERDICT_REJECTED]: 'rejected',
};

/** Shows the contributor what validation found. */
export class RecordAssessment {
  constructor(private readonly store: IngestionStore) {}

  run(eventId: string, event: ContributionAssessed): Promise<boolean> {
    return this.store.once(eventId, async (tx) => {
      const { contributionId, reasons, acceptedCount, quarantinedCount, rejectedCount } = event;
      const status = STATUS[event.verdict];
      invariant(status && event.assessedAt, `${contributionId} was assessed without a verdict or a time`);
      const { verdictsBlob, assessedAt } = event;
      const assessment = {
        acceptedCount,
        quarantinedCount,
        rejectedCount,
        reasons,
        verdictsBlob,
        assessedAt,
      };
      const known = await tx.assess(contributionId, status, assessment);
      invariant(known, `${contributionId} was assessed, but never received here`);
    });
  }
}
