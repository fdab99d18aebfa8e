import { once } from 'node:events';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { NativeThread } from '../src/index.js';
import type { BusyData } from './busy-data.js';

const THREADS = 8;
const STEP_MS = 5;

/** A process of its own, because what goes wrong here aborts it. Ends threads at a different instant each. */
const [, , modelDir = '', busyWith = '', from = ''] = process.argv;
for (let thread = 0; thread < THREADS; thread++) {
  const data = { modelDir, busyWith } as BusyData;
  const busy = new NativeThread(new URL('./busy-entry.js', import.meta.url), data);
  let said: unknown;
  while (said !== from) [said] = (await once(busy, 'message')) as [unknown];
  await delay(thread * STEP_MS);
  await busy.end();
}
console.log(`${THREADS} ended`);
