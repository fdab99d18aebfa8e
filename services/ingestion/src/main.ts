import process from 'node:process';
import { runMain } from '@openledger/service-host';
import { ingestion } from './index.js';

await runMain(ingestion, process);
