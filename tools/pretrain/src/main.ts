import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { seedlingPlan } from './plan.js';
import { pretrain } from './pretrain.js';

const { values } = parseArgs({
  options: {
    cache: { type: 'string', default: join('.cache', 'pretrain') },
    threads: { type: 'string', default: '2' },
  },
});
const controller = new AbortController();
process.once('SIGINT', () => controller.abort(new Error('stopped; run the same command again to go on')));
const result = await pretrain(seedlingPlan, {
  cache: resolve(values.cache),
  threads: Number(values.threads),
  log: (line) => console.error(line),
  signal: controller.signal,
});
await result.trainer.release();
