import process from 'node:process';
import { runMain } from '@openledger/service-host';
import { validation } from './index.js';

await runMain(validation, process);
