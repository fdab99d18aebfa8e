import process from 'node:process';
import { runMain } from '@openledger/service-host';
import { settlement } from './index.js';

await runMain(settlement, process);
