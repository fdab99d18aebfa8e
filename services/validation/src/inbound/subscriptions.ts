import { topics } from '@openledger/contracts';
import type { EventLog } from '@openledger/event-log';
import { type Handler, on } from '@openledger/service-host';
import type { AssessContribution } from '../application/assess-contribution.js';
import type { RegisterDatanet } from '../application/register-datanet.js';

export interface SubscriptionParts {
  readonly registerDatanet: RegisterDatanet;
  readonly assessContribution: AssessContribution;
  readonly eventLog: EventLog;
}

/** Everything this service consumes. */
export const subscriptions = ({
  registerDatanet,
  assessContribution,
  eventLog,
}: SubscriptionParts): Handler[] => [
  on(topics.datanetCreated, async (event, record) => {
    await registerDatanet.execute(event, record.id);
    // Nothing orders the two topics: contributions that came first and were parked may go on now.
    await eventLog.releaseParked('validation', topics.contributionReceived.name, event.datanetId);
  }),
  on(topics.contributionReceived, (event, record, signal) =>
    assessContribution.execute(event, record.id, signal),
  ),
];
