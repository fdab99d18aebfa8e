import { type ContributionReceived, encodeEvent, topics } from '@openledger/contracts';
import { type Clock, DomainError, derivedId } from '@openledger/kernel';
import { typedData } from '../domain/typed-data.js';
import type { Contribution, IngestionStore, Wallets } from './ports.js';

interface Parts {
  readonly store: IngestionStore;
  readonly wallets: Wallets;
  readonly clock: Clock;
  readonly chainId: number;
}

/** The contributor's signature makes an upload a contribution. */
export class SignContribution {
  constructor(private readonly parts: Parts) {}

  /**
   * Signing again changes nothing.
   *
   * @throws DomainError SIGNATURE_MISSING, SIGNATURE_MALFORMED, SIGNATURE_MISMATCH, CONTRIBUTION_UNKNOWN,
   *   CONTRIBUTION_EXPIRED
   */
  async run(contributionId: string, signature: string | undefined, personId: string): Promise<Contribution> {
    const { store, wallets, clock, chainId } = this.parts;
    const contribution = owned(await store.findContribution(contributionId), personId);
    if (signature === undefined || signature === '') {
      const message = 'Sign the typed data of the contribution with your wallet and send "signature".';
      throw new DomainError('invalid', 'SIGNATURE_MISSING', message);
    }
    if (wallets.signerOf(typedData(contribution, chainId), signature) !== contribution.walletAddress) {
      const message = `The signature is not by ${contribution.walletAddress} over this contribution's typed data.`;
      throw new DomainError('forbidden', 'SIGNATURE_MISMATCH', message);
    }
    if (contribution.status !== 'awaiting-signature') return contribution;

    return store.transaction(async (tx) => {
      const receivedAt = clock.now();
      if (contribution.expiresAt <= receivedAt) {
        throw new DomainError(
          'conflict',
          'CONTRIBUTION_EXPIRED',
          'It was not signed in time: upload it again.',
        );
      }
      await tx.lockDatanet(contribution.datanetId);
      if (await tx.markReceived(contributionId, signature, receivedAt)) {
        await tx.emit(contributionReceived(contribution, signature, receivedAt));
      }
      return owned(await tx.findContribution(contributionId), personId);
    });
  }
}

/** Of others' contributions not even the existence is told. @throws DomainError CONTRIBUTION_UNKNOWN */
export function owned(contribution: Contribution | undefined, personId: string): Contribution {
  if (contribution?.contributorId === personId) return contribution;
  throw new DomainError('not-found', 'CONTRIBUTION_UNKNOWN', 'You have no such contribution.');
}

function contributionReceived(contribution: Contribution, signature: string, receivedAt: Date) {
  const { contributionId, datanetId, contributorId, walletAddress, licence } = contribution;
  const { recordsBlob, recordCount, merkleRoot } = contribution;
  const event: ContributionReceived = {
    contributionId,
    datanetId,
    contributorId,
    walletAddress,
    licence,
    recordsBlob,
    recordCount,
    merkleRoot,
    signature,
    receivedAt,
  };
  const id = derivedId(contributionId, topics.contributionReceived.name);
  return encodeEvent(topics.contributionReceived, id, event);
}
