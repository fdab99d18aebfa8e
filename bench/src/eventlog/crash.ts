import { runCrashes } from '@openledger/testing/event-log-crash';
import type { Bench } from '../bench.js';
import { withDurablePostgres } from './server.js';

const RUNS = 20;
const SEED = 2_026;

export const eventlogCrash: Bench = {
  name: 'eventlog.crash',
  summary: 'events lost and effects repeated when a service is killed with SIGKILL twenty times',
  run: ({ log }) =>
    withDurablePostgres(async (postgres) => {
      const url = await postgres.database('crash');
      const result = await runCrashes({ url, runs: RUNS, seed: SEED, log });
      return {
        lost: result.lost,
        duplicated_effects: result.duplicatedEffects,
        redelivered: result.redelivered,
        reordered: result.reordered,
        runs: result.runs,
        events: result.events,
      };
    }),
};
