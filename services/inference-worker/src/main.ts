import process from 'node:process';
import { runMain } from '@openledger/service-host';
import { inferenceWorker } from './index.js';

await runMain(inferenceWorker, process);
