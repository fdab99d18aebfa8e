import type { Contribution } from '../application/ports.js';
import { typedData } from '../domain/typed-data.js';

/** A contribution as its contributor sees it. */
export class ContributionView {
  constructor(private readonly chainId: number) {}

  of(contribution: Contribution) {
    const { contributionId, datanetId, status, licence, recordCount, merkleRoot, assessment } = contribution;
    const { acceptedCount, quarantinedCount, rejectedCount, reasons, assessedAt } = assessment ?? {};
    return {
      contributionId,
      datanetId,
      status,
      licence,
      recordCount,
      merkleRoot,
      createdAt: contribution.createdAt,
      ...(contribution.receivedAt === undefined ? {} : { receivedAt: contribution.receivedAt }),
      ...(assessment === undefined
        ? {}
        : { acceptedCount, quarantinedCount, rejectedCount, reasons, assessedAt }),
      ...(contribution.withdrawal === undefined
        ? {}
        : {
            withdrawnAt: contribution.withdrawal.withdrawnAt,
            withdrawalReason: contribution.withdrawal.reason,
          }),
      ...(status === 'awaiting-signature'
        ? { expiresAt: contribution.expiresAt, typedData: typedData(contribution, this.chainId) }
        : {}),
    };
  }
}
