import { attributionAttacks } from './attribution/attacks.js';
import { attributionCanary } from './attribution/canary.js';
import { attributionCompression } from './attribution/compression.js';
import { attributionCost } from './attribution/cost.js';
import { attributionDetect } from './attribution/detect.js';
import { attributionLds } from './attribution/lds.js';
import { attributionOracle } from './attribution/oracle.js';
import { attributionPayout } from './attribution/payout.js';
import { attributionReal } from './attribution/real.js';
import { attributionScan } from './attribution/scan.js';
import { attributionSpans } from './attribution/spans.js';
import type { Bench } from './bench.js';
import { chainGas } from './chain/gas.js';
import { merkleMillion } from './chain/merkle.js';
import { chainReorg } from './chain/reorg.js';
import { eventlogCrash } from './eventlog/crash.js';
import { eventlogThroughput } from './eventlog/throughput.js';
import { flowFirstAnswer } from './flow/first-answer.js';
import { gatewayLeases } from './gateway/leases.js';
import { gatewayOverhead } from './gateway/overhead.js';
import { gatewayRouting } from './gateway/routing.js';
import { ledgerBatch } from './ledger/batch.js';
import { ledgerMetered } from './ledger/metered.js';
import { ledgerReplay } from './ledger/replay.js';
import { seedlingDomains } from './seedling/domains.js';
import { servingColdLoad } from './serving/cold-load.js';
import { servingContinuous } from './serving/continuous.js';
import { servingFairness } from './serving/fairness.js';
import { servingHetero } from './serving/hetero.js';
import { servingLlamacpp } from './serving/llamacpp.js';
import { servingManyAdapters } from './serving/many-adapters.js';
import { servingMemory } from './serving/memory.js';
import { servingPeft } from './serving/peft.js';
import { servingPrefix } from './serving/prefix.js';
import { servingQuality } from './serving/quality.js';
import { servingSampling } from './serving/sampling.js';
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
  servingSampling,
  servingPeft,
  servingLlamacpp,
  servingContinuous,
  servingFairness,
  servingPrefix,
  servingColdLoad,
  servingMemory,
  servingManyAdapters,
  gatewayRouting,
  gatewayOverhead,
  gatewayLeases,
  merkleMillion,
  chainGas,
  attributionScan,
  attributionSpans,
  attributionOracle,
  attributionLds,
  attributionPayout,
  attributionDetect,
  attributionCompression,
  attributionCost,
  attributionReal,
  attributionAttacks,
  attributionCanary,
  ledgerBatch,
  ledgerMetered,
  ledgerReplay,
  chainReorg,
];
