import type { Bench } from './bench.js';
import { eventlogCrash } from './eventlog/crash.js';
import { eventlogThroughput } from './eventlog/throughput.js';
import { flowFirstAnswer } from './flow/first-answer.js';
import { seedlingDomains } from './seedling/domains.js';
import { servingLlamacpp } from './serving/llamacpp.js';
import { servingPeft } from './serving/peft.js';
import { trainStep } from './train/step.js';

export const benches: readonly Bench[] = [
  flowFirstAnswer,
  eventlogThroughput,
  eventlogCrash,
  trainStep,
  seedlingDomains,
  servingPeft,
  servingLlamacpp,
];
