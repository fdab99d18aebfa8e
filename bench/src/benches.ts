import type { Bench } from './bench.js';
import { eventlogCrash } from './eventlog/crash.js';
import { eventlogThroughput } from './eventlog/throughput.js';
import { flowFirstAnswer } from './flow/first-answer.js';
import { seedlingDomains } from './seedling/domains.js';
import { trainStep } from './train/step.js';

export const benches: readonly Bench[] = [
  flowFirstAnswer,
  eventlogThroughput,
  eventlogCrash,
  trainStep,
  seedlingDomains,
];
