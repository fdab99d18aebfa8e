import type { Bench } from './bench.js';
import { eventlogCrash } from './eventlog/crash.js';
import { eventlogThroughput } from './eventlog/throughput.js';

export const benches: readonly Bench[] = [eventlogThroughput, eventlogCrash];
