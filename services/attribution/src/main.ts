import process from 'node:process';
import { runMain } from '@openledger/service-host';
import { attribution } from './index.js';

await runMain(attribution, process);
