import { encodeEvent, type OrganisationCreated, topics } from '@openledger/contracts';
import { type Clock, DomainError, derivedId, newId } from '@openledger/kernel';
import type { AccountsStore, Organisation } from './ports.js';

const ORGANISATIONS_PER_PERSON_MAX = 50;

export class CreateOrganisation {
  constructor(
    private readonly store: AccountsStore,
    private readonly clock: Clock,
  ) {}

  /** The person becomes the owner. @throws DomainError ORGANISATIONS_TOO_MANY */
  run(name: string, owner: { personId: string; walletAddress: string }): Promise<Organisation> {
    const createdAt = this.clock.now();
    const organisation = { organisationId: newId(createdAt.getTime()), name };
    const event: OrganisationCreated = {
      ...organisation,
      ownerPersonId: owner.personId,
      walletAddress: owner.walletAddress,
      createdAt,
    };
    return this.store.transaction(async (tx) => {
      await tx.lockPerson(owner.personId);
      const { length } = await tx.organisationsOf(owner.personId);
      if (length >= ORGANISATIONS_PER_PERSON_MAX) {
        throw new DomainError(
          'conflict',
          'ORGANISATIONS_TOO_MANY',
          `A person owns at most ${ORGANISATIONS_PER_PERSON_MAX} organisations.`,
        );
      }
      await tx.addOrganisation(organisation, owner.personId, createdAt);
      const id = derivedId(organisation.organisationId, topics.organisationCreated.name);
      await tx.emit(encodeEvent(topics.organisationCreated, id, event));
      return organisation;
    });
  }
}
