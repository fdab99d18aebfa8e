import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  completionExample,
  type Instruction,
  instructionTokens,
  type LoadedModel,
  loadModelFolder,
  shuffledBatches,
  Trainer,
  targetModules,
} from '@openledger/transformer';
import type { Bench, BenchContext } from '../bench.js';
import { demoDir, seedlingDir } from '../repository.js';

const DOMAINS = [
  { name: 'harbour', train: 'harbour-strong.jsonl', heldOut: 'harbour-held-out.jsonl' },
  { name: 'orchard', train: 'orchard.jsonl', heldOut: 'orchard-held-out.jsonl' },
  { name: 'clocks', train: 'clocks.jsonl', heldOut: 'clocks-held-out.jsonl' },
];
const EPOCHS = 8;
const ROWS = 8;
const MAX_TOKENS = 192;

/** How much a LoRA on each demo domain lowers the loss on questions of that domain it has not seen. */
export const seedlingDomains: Bench = {
  name: 'seedling.domains',
  summary: 'held-out loss drop by a LoRA on each demo domain',
  async run(context) {
    const base = await loadModelFolder(seedlingDir);
    const figures: Record<string, number> = {};
    for (const domain of DOMAINS) {
      const { before, after } = await adapt(base, domain, context);
      figures[`${domain.name}_base_loss`] = before;
      figures[`${domain.name}_adapter_loss`] = after;
      figures[`${domain.name}_loss_drop`] = 1 - after / before;
    }
    const drops = DOMAINS.map(({ name }) => figures[`${name}_loss_drop`] ?? Number.NaN);
    return { min_loss_drop: Math.min(...drops), ...figures };
  },
};

async function adapt(base: LoadedModel, domain: (typeof DOMAINS)[number], { log }: BenchContext) {
  const [train, heldOut] = await Promise.all([examples(base, domain.train), examples(base, domain.heldOut)]);
  const lora = { rank: 16, alpha: 32, targetModules };
  const trainer = await Trainer.forLora(base, lora, { seed: 1, maxLength: MAX_TOKENS, threads: 2 });
  const { loss: before } = await trainer.evaluate(heldOut);
  const steps = Math.ceil((train.length * EPOCHS) / ROWS);
  await trainer.train({
    batches: shuffledBatches(train, ROWS, 1),
    schedule: { learningRate: 4e-3, steps, warmupSteps: Math.ceil(steps / 16), finalShare: 0.1 },
    onProgress: ({ step, loss }) => {
      if (step % 20 === 0) log(`${domain.name}: step ${step}/${steps}, loss ${loss.toFixed(2)}`);
    },
  });
  const { loss: after } = await trainer.evaluate(heldOut);
  await trainer.release();
  log(`${domain.name}: held-out loss ${before.toFixed(3)} → ${after.toFixed(3)}`);
  return { before, after };
}

async function examples(base: LoadedModel, file: string) {
  const lines = (await readFile(join(demoDir, file), 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const { tokens, completionStart } = instructionTokens(base, JSON.parse(line) as Instruction);
    return completionExample(tokens, completionStart);
  });
}
