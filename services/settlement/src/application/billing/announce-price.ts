import { DomainError } from '@openledger/kernel';
import { announce, type PriceNotice, type PriceVersion, type PriceWish } from '../../domain/billing/price.js';
import type { SettlementStore } from '../ports.js';
import { modelNotDeployed } from '../prepaid/hold-balance.js';

export interface PriceAnnouncement extends PriceWish {
  readonly modelId: string;
  readonly organisationId: string;
  readonly personId: string;
}

/** Adds a version to a model's price list, which only its developer may. Repeating it changes nothing. */
export class AnnouncePrice {
  constructor(
    private readonly store: SettlementStore,
    private readonly notice: PriceNotice,
  ) {}

  /**
   * @throws DomainError MODEL_NOT_DEPLOYED, MODEL_NOT_YOURS, PRICE_INVALID, PRICE_NOTICE_TOO_SHORT, PRICE_TOO_FAR_AHEAD,
   * PRICE_VERSIONS_TOO_MANY
   */
  run(announcement: PriceAnnouncement, now: Date): Promise<PriceVersion> {
    const { modelId, price } = announcement;
    return this.store.transaction(async (tx) => {
      await tx.metering.lockModel(modelId);
      const model = await tx.metering.model(modelId);
      if (!model) throw modelNotDeployed(modelId);
      if (model.developerOrganisationId !== announcement.organisationId) {
        const message = 'only the organisation that deployed the model sets its price';
        throw new DomainError('forbidden', 'MODEL_NOT_YOURS', message);
      }
      const versions = (await tx.prices.versions([modelId])).get(modelId) ?? [];
      const place = announce(versions, announcement, this.notice, now);
      if ('known' in place) return place.known;
      const { effectiveAt } = place;
      const announcedBy = announcement.personId;
      return tx.prices.add({ modelId, price, effectiveAt, announcedAt: now, announcedBy });
    });
  }
}
