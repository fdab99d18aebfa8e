import { EndHold } from './application/prepaid/end-hold.js';
import { EndLease } from './application/prepaid/end-lease.js';
import { HoldBalance } from './application/prepaid/hold-balance.js';
import { LeaseBalance } from './application/prepaid/lease-balance.js';
import { ReadBalance } from './application/prepaid/read-balance.js';
import type { SettlementQueries } from './application/queries.js';
import { priceNoticeOf } from './billing-part.js';
import { settlementGrpc } from './inbound/settlement.grpc.js';
import { PostgresBillingQueries } from './outbound/billing/postgres-billing-queries.js';
import type { Base, Part } from './part.js';

/** Prepaid balances: holds and leases for gateways. */
export function prepaidPart({ host, config, store }: Base, queries: SettlementQueries): Part {
  const endHold = new EndHold(store);
  const holdBalance = new HoldBalance(store, config.SETTLEMENT_HOLD_TTL_MS);
  const endLease = new EndLease(store);
  const leaseBalance = new LeaseBalance(store, {
    useForMs: config.SETTLEMENT_LEASE_USE_MS,
    abandonAfterMs: config.SETTLEMENT_LEASE_ABANDON_MS,
  });
  const readBalance = new ReadBalance(store, queries);
  const everyMs = config.SETTLEMENT_HOLD_SWEEP_MS;
  return {
    providers: [{ provide: ReadBalance, useValue: readBalance }],
    grpc: [
      settlementGrpc(host, {
        holdBalance,
        endHold,
        leaseBalance,
        endLease,
        readBalance,
        billing: new PostgresBillingQueries(host.database),
        priceNotice: priceNoticeOf(config),
        clock: host.clock,
      }),
    ],
    loops: [
      {
        name: 'expire holds',
        everyMs,
        work: async () => void (await endHold.expire(host.clock.now())),
      },
      {
        name: 'give up leases',
        everyMs,
        work: async () => {
          const abandoned = await endLease.abandon(host.clock.now());
          if (abandoned > 0) host.log.warn({ abandoned }, 'leases were never returned');
        },
      },
      {
        name: 'forget leases',
        everyMs,
        work: async () => void (await endLease.forget(host.clock.now())),
      },
    ],
  };
}
