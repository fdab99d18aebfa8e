import { type DatanetCreated, encodeEvent, RecordKind, topics } from '@openledger/contracts';
import { type Clock, DomainError, derivedId, newId } from '@openledger/kernel';
import { allowsCommercialUse } from '../domain/licence-rule.js';
import type { Datanet, IngestionStore, Licences } from './ports.js';

export type DatanetOrder = Pick<Datanet, 'name' | 'domain' | 'licence' | 'schema' | 'permissions'>;

export class CreateDatanet {
  constructor(
    private readonly store: IngestionStore,
    private readonly licences: Licences,
    private readonly clock: Clock,
  ) {}

  /** @throws DomainError LICENCE_UNKNOWN, LICENCE_FORBIDS_COMMERCIAL_USE */
  async run(order: DatanetOrder, owner: { personId: string; organisationId: string }): Promise<Datanet> {
    const tree = this.licences.parse(order.licence);
    if (order.permissions.commercialUse && !allowsCommercialUse(tree)) {
      const message = `The licence ${order.licence} forbids commercial use: do not permit it.`;
      throw new DomainError('invalid', 'LICENCE_FORBIDS_COMMERCIAL_USE', message);
    }
    const createdAt = this.clock.now();
    const datanet: Datanet = {
      ...order,
      datanetId: newId(createdAt.getTime()),
      ownerOrganisationId: owner.organisationId,
      ownerPersonId: owner.personId,
      createdAt,
    };
    await this.store.transaction(async (tx) => {
      await tx.addDatanet(datanet);
      await tx.emit(datanetCreated(datanet));
    });
    return datanet;
  }
}

const KIND = {
  instruction: RecordKind.RECORD_KIND_INSTRUCTION,
  text: RecordKind.RECORD_KIND_TEXT,
} as const;

function datanetCreated(datanet: Datanet) {
  const { kind, minCharacters, maxCharacters } = datanet.schema;
  const event: DatanetCreated = { ...datanet, schema: { kind: KIND[kind], minCharacters, maxCharacters } };
  return encodeEvent(topics.datanetCreated, derivedId(datanet.datanetId, topics.datanetCreated.name), event);
}
