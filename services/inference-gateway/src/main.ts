import process from 'node:process';
import { runMain } from '@openledger/service-host';
import { inferenceGateway } from './index.js';

await runMain(inferenceGateway, process);
