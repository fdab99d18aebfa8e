import process from 'node:process';
import { confirm } from './confirm.js';

process.exitCode = await confirm(process.argv.slice(2), process.env, (text) =>
  process.stdout.write(`${text}\n`),
);
