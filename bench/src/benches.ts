import type { Bench } from './bench.js';
import { eventlogCrash } from './eventlog/crash.js';
import { eventlogThroughput } from './eventlog/throughput.js';
import { flowFirstAnswer } from './flow/first-answer.js';
import { gatewayLeases } from './gateway/leases.js';
import { gatewayOverhead } from './gateway/overhead.js';
import { gatewayRouting } from './gateway/routing.js';
import { seedlingDomains } from './seedling/domains.js';
import { servingContinuous } from './serving/continuous.js';
import { servingFairness } from './serving/fairness.js';
import { servingHetero } from './serving/hetero.js';
import { servingLlamacpp } from './serving/llamacpp.js';
import { servingPeft } from './serving/peft.js';
import { servingPrefix } from './serving/prefix.js';
import { servingQuality } from './serving/quality.js';
import { servingSwitching } from './serving/switching.js';
import { trainStep } from './train/step.js';

export const benches: readonly Bench[] = [
  flowFirstAnswer,
  eventlogThroughput,
  eventlogCrash,
  trainStep,
  seedlingDomains,
  servingQuality,
  servingHetero,
  servingSwitching,
  servingPeft,
  servingLlamacpp,
  servingContinuous,
  servingFairness,
  servingPrefix,
  gatewayRouting,
  gatewayOverhead,
  gatewayLeases,
];
