import type { Price } from '@openledger/kernel';
import type { PriceVersion } from '../domain/price.js';
import type { PricedModel } from './metering-ports.js';

export interface NewPriceVersion {
  readonly modelId: string;
  readonly price: Price;
  readonly effectiveAt: Date;
  readonly announcedAt: Date;
  /** Who did; empty for a deployment. */
  readonly announcedBy: string;
}

/** Price lists of models; versions are added and never changed. */
export interface PriceLedger {
  /** The whole lists of these models, in no order; models that are not deployed are absent. */
  versions(modelIds: readonly string[]): Promise<ReadonlyMap<string, PriceVersion[]>>;
  /** With the model locked. The price that a deployment brings; repeating it changes nothing. */
  deployed(model: PricedModel): Promise<void>;
  /** With the model locked. */
  add(version: NewPriceVersion): Promise<PriceVersion>;
}
