import { Counter, type Host } from '@openledger/service-host';

/** What the gateway counts of its workers. */
export class WorkerMetrics {
  readonly routed: Counter<'tier'>;
  readonly retried: Counter<'code'>;
  readonly receipts: Counter<'outcome'>;

  constructor(metrics: Host['metrics']) {
    const registers = [metrics];
    this.routed = new Counter({
      name: 'openlora_routed_total',
      help: 'Requests sent to a worker, by where it said the adapter was',
      labelNames: ['tier'],
      registers,
    });
    this.retried = new Counter({
      name: 'openlora_retries_total',
      help: 'Refusals of a worker after which another one was asked',
      labelNames: ['code'],
      registers,
    });
    this.receipts = new Counter({
      name: 'openlora_worker_receipts_total',
      help: 'Ends of answers by what the receipt of the worker was worth: fits, absent, or what was wrong',
      labelNames: ['outcome'],
      registers,
    });
  }
}
