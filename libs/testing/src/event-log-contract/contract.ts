import type { EventLog } from '@openledger/event-log';
import { eventually } from '../eventually.js';
import { batchContract } from './batches.js';
import { deliveryContract } from './delivery.js';
import { groupContract } from './groups.js';
import type { ContractTools, EventLogHarness } from './harness.js';
import { parkingContract } from './parking.js';

/** Every adapter of the event log must pass this; nothing that it does not check may be relied on. */
export function eventLogContract(name: string, harness: () => Promise<EventLogHarness>): void {
  describe(`event log contract: ${name}`, () => {
    let made: EventLogHarness;
    let log: EventLog;
    let others: EventLog[] = [];
    let topics = 0;

    beforeAll(async () => {
      made = await harness();
    });
    beforeEach(async () => {
      log = await made.open();
    });
    afterEach(async () => {
      await Promise.all([log, ...others].map((open) => open.close()));
      others = [];
    });

    const tools: ContractTools = {
      log: () => log,
      openAnother: async () => {
        const other = await made.open();
        others.push(other);
        return other;
      },
      topic: async (partitions = 4) => {
        const topic = `${made.prefix}.thing.happened.v${++topics}`;
        await log.createTopics([{ name: topic, partitions }]);
        return topic;
      },
      until: (check) => eventually(check, made.patienceMs),
    };
    deliveryContract(tools);
    batchContract(tools);
    parkingContract(tools);
    groupContract(tools);
  });
}
