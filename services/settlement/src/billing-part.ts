import { AnnouncePrice } from './application/billing/announce-price.js';
import { BillingQueries } from './application/billing/billing-queries.js';
import { FreeTiers } from './application/billing/grant-free-tier.js';
import { RefundAnswer } from './application/billing/refund-answer.js';
import { SetBudget } from './application/billing/set-budget.js';
import { TellBudgets } from './application/billing/tell-budgets.js';
import type { SettlementConfig } from './config.js';
import type { PriceNotice } from './domain/billing/price.js';
import { BillingController } from './inbound/billing.rest.js';
import { PricesController } from './inbound/prices.rest.js';
import { RefundsController } from './inbound/refunds.rest.js';
import { PostgresBillingQueries } from './outbound/billing/postgres-billing-queries.js';
import type { Base, Part } from './part.js';

const TELL_BUDGETS_EVERY_MS = 5_000;
/** In which every gateway asks again, so that all of them know a lower price before it takes effect. */
const REDUCTION_NOTICE_MS = 600_000;

export const priceNoticeOf = (config: SettlementConfig): PriceNotice => ({
  raiseMs: config.SETTLEMENT_PRICE_NOTICE_MS,
  reductionMs: Math.min(config.SETTLEMENT_PRICE_NOTICE_MS, REDUCTION_NOTICE_MS),
});

/** Price lists, budgets, free tiers, refunds. */
export function billingPart({ host, config, store }: Base): Part {
  const tellBudgets = new TellBudgets(store);
  return {
    controllers: [PricesController, BillingController, RefundsController],
    providers: [
      { provide: BillingQueries, useValue: new PostgresBillingQueries(host.database) },
      { provide: AnnouncePrice, useValue: new AnnouncePrice(store, priceNoticeOf(config)) },
      { provide: SetBudget, useValue: new SetBudget(store) },
      { provide: FreeTiers, useValue: new FreeTiers(store) },
      { provide: RefundAnswer, useValue: new RefundAnswer(store) },
    ],
    loops: [
      {
        name: 'tell budgets',
        everyMs: TELL_BUDGETS_EVERY_MS,
        work: async () => {
          while ((await tellBudgets.run(host.clock.now())) > 0);
        },
      },
    ],
  };
}
