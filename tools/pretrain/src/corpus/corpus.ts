import { fileURLToPath } from 'node:url';
import { composeDocument } from './document.js';
import { Random } from './random.js';
import { readSources, type Sources } from './word-lists.js';

/** Held-out documents come from seeds that training never uses. */
export type Split = 'train' | 'held-out';

const splitSeeds: Readonly<Record<Split, number>> = { train: 1_000_000, 'held-out': 900_000_000 };

/** The hand-written sources of this package; the compiled code lies two folders deeper than they do. */
export function readOwnSources(): Sources {
  return readSources(fileURLToPath(new URL('../../../text', import.meta.url)));
}

/** Documents `0 .. count - 1` of a split. Any document can be made again from its number alone. */
export function* documents(sources: Sources, split: Split, count: number): Generator<string> {
  for (let number = 0; number < count; number++) {
    yield composeDocument(new Random(splitSeeds[split] + number * 7919), sources);
  }
}
