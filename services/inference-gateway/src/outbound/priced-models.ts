import { samePrice } from '@openledger/kernel';
import type { ModelRegistry } from '../application/ports.js';
import type { PriceBook } from '../application/price-book.js';
import type { ModelReference, ServableModel } from '../domain/model.js';
import type { PostgresModels } from './postgres-models.js';

/** Models with the price that counts now, which is kept for when settlement is away; never a silent zero. */
export class PricedModels implements ModelRegistry {
  constructor(
    private readonly models: PostgresModels,
    private readonly prices: PriceBook,
  ) {}

  /** @throws DomainError MODEL_NOT_DEPLOYED, UPSTREAM_UNAVAILABLE while the price is not known */
  async find(reference: ModelReference): Promise<ServableModel | undefined> {
    const model = await this.models.find(reference);
    if (model === undefined) return undefined;
    const price = await this.prices.priceOf(model.modelId, model.price);
    if (!model.price || !samePrice(price, model.price)) await this.models.keepPrice(model.modelId, price);
    return { ...model, price };
  }

  list(limit: number, after?: string): Promise<ServableModel[]> {
    return this.models.list(limit, after);
  }
}
