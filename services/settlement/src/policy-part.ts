import { KeepPolicies } from './application/split/keep-policies.js';
import { SimulatePolicy } from './application/split/simulate-policy.js';
import { PoliciesController } from './inbound/policies.rest.js';
import { PostgresCreditedAnswers } from './outbound/split/postgres-credited-answers.js';
import type { Base, Part } from './part.js';

/** How fees are shared, and since when. */
export function policyPart({ host, config, store }: Base): Part {
  const policies = new KeepPolicies(store, host.clock);
  const simulate = new SimulatePolicy(store, new PostgresCreditedAnswers(host.database));
  return {
    controllers: [PoliciesController],
    providers: [
      { provide: KeepPolicies, useValue: policies },
      { provide: SimulatePolicy, useValue: simulate },
    ],
    start: async () => {
      if (await policies.configured(config.SETTLEMENT_SPLIT_BPS)) {
        host.log.info({ roles: config.SETTLEMENT_SPLIT_BPS }, 'a split policy takes effect');
      }
    },
  };
}
