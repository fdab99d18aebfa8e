import { MemoryEventLog } from '@openledger/event-log/memory';
import { eventLogContract } from '@openledger/testing/event-log-contract';

eventLogContract('memory', async () => {
  // Members of one memory log share it: there is nothing else between processes.
  let shared = new MemoryEventLog();
  let open = 0;
  return {
    prefix: 'memory',
    patienceMs: 5_000,
    open: async () => {
      if (open++ === 0) shared = new MemoryEventLog();
      const close = shared.close.bind(shared);
      shared.close = async () => {
        open = 0;
        await close();
      };
      return shared;
    },
  };
});
