import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { llamaConfigJson, modelFolderDigest, type Tensor, writeSafetensors } from '@openledger/transformer';
import { documents, readOwnSources } from './corpus/corpus.js';
import { type CardFigures, modelCard } from './model-card.js';
import type { Plan } from './plan.js';
import type { TokenizerFiles } from './text-tokens.js';
import { generationConfig } from './tokenizer/tokenizer-files.js';

export interface Export {
  readonly plan: Plan;
  readonly tokenizer: TokenizerFiles;
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly figures: CardFigures;
}

/** Documents of the text that servers measure the model's quality on; training never sees them. */
const calibrationDocuments = 40;

const pretty = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

/** Writes a Hugging Face model folder with its card; returns the digest of the folder. */
export async function exportModel(
  folder: string,
  { plan, tokenizer, tensors, figures }: Export,
): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.json'), pretty(llamaConfigJson(plan.model)));
  await writeFile(join(folder, 'tokenizer.json'), `${JSON.stringify(tokenizer.json)}\n`);
  await writeFile(join(folder, 'tokenizer_config.json'), pretty(tokenizer.config));
  await writeFile(join(folder, 'generation_config.json'), pretty(generationConfig()));
  await writeSafetensors(join(folder, 'model.safetensors'), tensors, {
    dtype: 'BF16',
    metadata: { format: 'pt' },
  });
  const calibration = [...documents(readOwnSources(), 'held-out', calibrationDocuments)].join('\n');
  await writeFile(join(folder, 'calibration.txt'), `${calibration}\n`);
  await writeFile(join(folder, 'README.md'), modelCard(plan, figures));
  return modelFolderDigest(folder);
}
