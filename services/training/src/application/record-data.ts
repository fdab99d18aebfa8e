import {
  type ContributionAssessed,
  type ContributionWithdrawn,
  type DatanetCreated,
  required,
} from '@openledger/contracts';
import type { TrainingStore } from './ports.js';

/** Keeps this service's own copy of what may be trained on. */
export class RecordData {
  constructor(private readonly store: TrainingStore) {}

  datanet(eventId: string, event: DatanetCreated): Promise<boolean> {
    return this.store.recordDatanet(eventId, {
      id: event.datanetId,
      name: event.name,
      licence: event.licence,
      trainingPermitted: event.permissions?.training ?? false,
      commercialPermitted: event.permissions?.commercialUse ?? false,
    });
  }

  contribution(eventId: string, event: ContributionAssessed): Promise<boolean> {
    const { contributionId: id, datanetId, contributorId, acceptedBlob, acceptedCount } = event;
    return this.store.recordContribution(eventId, {
      id,
      datanetId,
      contributorId,
      acceptedBlob,
      acceptedCount,
    });
  }

  withdrawal(eventId: string, event: ContributionWithdrawn): Promise<boolean> {
    const { contributionId, withdrawnAt } = event;
    const id = required(contributionId, 'contributionId');
    return this.store.recordWithdrawal(eventId, id, required(withdrawnAt, 'withdrawnAt'));
  }
}
