import process from 'node:process';
import { runMain } from '@openledger/service-host';
import { accounts } from './index.js';

await runMain(accounts, process);
