import type { AdapterControl, TextEngine } from './application/text-engine.js';
import type { WorkerConfig } from './config.js';

/** An engine and what comes with it. */
export interface OpenEngine {
  /** As receipts and gateways are told. */
  readonly name: WorkerConfig['ENGINE'];
  readonly engine: TextEngine;
  readonly adapters: AdapterControl;
  readonly isReady: () => boolean;
  readonly stop: () => Promise<void>;
}
