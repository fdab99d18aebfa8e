import { EarningsQueries } from './application/metering/earnings-queries.js';
import { RecordPayees } from './application/metering/record-payees.js';
import { RecordUsage } from './application/metering/record-usage.js';
import { checkRoles } from './domain/split/split-fee.js';
import { EarningsController } from './inbound/earnings.rest.js';
import { RefusedEventsController } from './inbound/refused-events.rest.js';
import { subscriptions } from './inbound/subscriptions.js';
import { PostgresEarnings } from './outbound/metering/postgres-earnings.js';
import type { Base, Part } from './part.js';

/** How far the sums of earnings by model are behind. */
const SUM_EVERY_MS = 1_000;

/** Meters what was served and splits its fee by how it was scored. */
export function meteringPart({ host, config, store }: Base): Part {
  checkRoles(config.SETTLEMENT_SPLIT_BPS);
  const usage = new RecordUsage(store, {
    roles: config.SETTLEMENT_SPLIT_BPS,
    baseModelOwners: config.SETTLEMENT_BASE_MODEL_OWNERS ?? new Map(),
  });
  return {
    controllers: [EarningsController, RefusedEventsController],
    providers: [
      { provide: EarningsQueries, useValue: new PostgresEarnings(host.database) },
      { provide: RecordUsage, useValue: usage },
    ],
    handlers: subscriptions(usage, new RecordPayees(store), host.clock),
    loops: [{ name: 'sum earnings', everyMs: SUM_EVERY_MS, work: () => usage.sumEarnings() }],
  };
}
