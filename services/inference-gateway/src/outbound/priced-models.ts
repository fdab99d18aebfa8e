import type { Prices } from '../application/payment-ports.js';
import type { ModelRegistry } from '../application/ports.js';
import type { ModelReference, ServableModel } from '../domain/model.js';
import type { PostgresModels } from './postgres-models.js';

/** Asks settlement for the price of models that were deployed before prices were kept here; never a silent zero. */
export class PricedModels implements ModelRegistry {
  constructor(
    private readonly models: PostgresModels,
    private readonly prices: Prices,
  ) {}

  /** @throws DomainError MODEL_NOT_DEPLOYED, UPSTREAM_UNAVAILABLE while the price is not known */
  async find(reference: ModelReference): Promise<ServableModel | undefined> {
    const model = await this.models.find(reference);
    if (model === undefined || model.price) return model;
    const price = await this.prices.price(model.modelId);
    await this.models.keepPrice(model.modelId, price);
    return { ...model, price };
  }

  list(limit: number, after?: string): Promise<ServableModel[]> {
    return this.models.list(limit, after);
  }
}
