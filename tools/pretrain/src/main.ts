import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadModelFolder, Trainer } from '@openledger/transformer';
import { exportModel } from './export.js';
import { seedlingPlan } from './plan.js';
import { type Pretrained, pretrain } from './pretrain.js';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join('models', 'seedling') },
    cache: { type: 'string', default: join('.cache', 'pretrain') },
    threads: { type: 'string', default: '2' },
  },
});
const out = resolve(values.out);
const log = (line: string): void => console.error(line);
const controller = new AbortController();
process.once('SIGINT', () => controller.abort(new Error('Stopped. Run the same command again to go on.')));

/** The loss of the weights as they are stored, which rounding to bfloat16 changes a little. */
async function storedLoss(folder: string, { heldOut }: Pretrained): Promise<number> {
  const { config, weights } = await loadModelFolder(folder);
  const trainer = await Trainer.forAll(config, {
    seed: 0,
    initial: weights,
    maxLength: seedlingPlan.length,
    threads: Number(values.threads),
  });
  const { loss } = await trainer.evaluate(heldOut.examples);
  await trainer.release();
  return loss;
}

async function run(): Promise<void> {
  const result = await pretrain(seedlingPlan, {
    cache: resolve(values.cache),
    threads: Number(values.threads),
    log,
    progress: process.stderr,
    signal: controller.signal,
  });
  let parameters = 0;
  for (const { data } of result.tensors.values()) parameters += data.length;
  const write = (heldOutLoss: number): Promise<string> =>
    exportModel(out, {
      plan: seedlingPlan,
      tokenizer: result.tokenizer,
      tensors: result.tensors,
      figures: {
        parameters,
        trainingTokens: result.trainingTokens,
        heldOutTokens: result.heldOut.tokens,
        bytesPerToken: result.heldOut.bytesPerToken,
        heldOutLoss,
      },
    });
  await write(Number.NaN);
  const loss = await storedLoss(out, result);
  log(`Held-out loss of the stored weights: ${loss.toFixed(4)} nats per token.`);
  log(`Wrote ${out} (digest ${await write(loss)}).`);
}

try {
  await run();
} catch (error) {
  if (!controller.signal.aborted) throw error;
  log(String(controller.signal.reason instanceof Error ? controller.signal.reason.message : error));
  process.exitCode = 130;
}
