import process from 'node:process';
import { runMain } from '@openledger/service-host';
import { training } from './index.js';

await runMain(training, process);
