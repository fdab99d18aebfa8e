import { type ContributionWithdrawn, encodeEvent, topics } from '@openledger/contracts';
import { type Clock, derivedId } from '@openledger/kernel';
import type { Contribution, IngestionStore, Withdrawal } from './ports.js';
import { owned } from './sign-contribution.js';

/** The contributor takes a contribution back: nothing new is made of it, and it earns nothing any more. */
export class WithdrawContribution {
  constructor(
    private readonly store: IngestionStore,
    private readonly clock: Clock,
  ) {}

  /**
   * Withdrawing again changes nothing. Of an unsigned contribution nobody was told, so nobody is told of its end.
   *
   * @throws DomainError CONTRIBUTION_UNKNOWN
   */
  async run(contributionId: string, reason: string, personId: string): Promise<Contribution> {
    const { datanetId } = owned(await this.store.findContribution(contributionId), personId);
    return this.store.transaction(async (tx) => {
      await tx.lockDatanet(datanetId);
      const before = owned(await tx.findContribution(contributionId), personId);
      const withdrawal = { withdrawnAt: this.clock.now(), reason };
      if ((await tx.withdraw(contributionId, withdrawal)) && before.receivedAt)
        await tx.emit(contributionWithdrawn(before, withdrawal));
      return owned(await tx.findContribution(contributionId), personId);
    });
  }
}

function contributionWithdrawn(
  { contributionId, datanetId, contributorId }: Contribution,
  { reason, withdrawnAt }: Withdrawal,
) {
  const event: ContributionWithdrawn = { contributionId, datanetId, contributorId, reason, withdrawnAt };
  return encodeEvent(
    topics.contributionWithdrawn,
    derivedId(contributionId, topics.contributionWithdrawn.name),
    event,
  );
}
