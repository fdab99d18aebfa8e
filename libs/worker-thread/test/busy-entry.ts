import { loadModelFolder, Scorer } from '@openledger/transformer';
import { enterThread } from '../src/index.js';
import type { BusyData } from './busy-data.js';

/** Never yields to anything but native calls: loads a model over and over, or runs one without end. */
const { port, data } = enterThread<BusyData>();
port.postMessage('entered');
const { config, weights } = await loadModelFolder(data.modelDir);
const tokens = Array.from({ length: 200 }, (_, i) => i);
for (;;) {
  const scorer = await Scorer.open(config, weights, { maxLength: 256, threads: 1 });
  port.postMessage('opened');
  while (data.busyWith === 'runs') await scorer.logits([tokens, tokens]);
  await scorer.release();
}
