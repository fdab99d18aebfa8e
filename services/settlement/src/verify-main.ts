import process from 'node:process';
import { verify } from './verify.js';

process.exitCode = await verify(process.argv.slice(2), (text) => process.stdout.write(`${text}\n`));
