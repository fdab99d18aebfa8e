import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '@openledger/kernel';
import type { ModelText } from '../folder/model-folder.js';
import { calibrationText } from './calibration-text.js';

/** A model folder may bring the text its quality is measured on. */
const calibrationFile = 'calibration.txt';

const maxFileBytes = 4 * 1_048_576;

/** What is read for one comparison: a compromise between noise and the time a first start takes. */
const window = { tokens: 128, count: 3 };

/** Fewer tokens say nothing about a perplexity. */
const leastTokens = 32;

/** The text that belongs to the model, or else the one of this library, in tokens. */
export async function calibrationTokens({
  folder,
  tokenizer,
}: Pick<ModelText, 'folder' | 'tokenizer'>): Promise<Int32Array> {
  const path = join(folder, calibrationFile);
  const size = await stat(path).then(
    (found) => found.size,
    () => undefined,
  );
  if (size !== undefined && size > maxFileBytes) {
    throw new DomainError(
      'too-large',
      'CALIBRATION_TOO_LARGE',
      `${calibrationFile} has ${size} bytes; a few thousand words are enough, ${maxFileBytes} bytes the limit.`,
    );
  }
  return tokenizer.encode(size === undefined ? calibrationText : await readFile(path, 'utf8'));
}

/** The first windows of a text, of one length that the model can read. */
export function calibrationWindows(tokens: Int32Array, maxPositions: number): Int32Array[] {
  const length = Math.min(window.tokens, maxPositions, tokens.length);
  if (length < Math.min(leastTokens, maxPositions)) {
    throw new DomainError(
      'invalid',
      'CALIBRATION_TOO_SHORT',
      `The calibration text has ${tokens.length} tokens; give at least ${leastTokens}.`,
    );
  }
  const count = Math.min(window.count, Math.floor(tokens.length / length));
  return Array.from({ length: count }, (_, index) => tokens.slice(index * length, (index + 1) * length));
}
