import { loadModelFolder, seededRandom, Trainer, targetModules } from '@openledger/transformer';
import { type Bench, median } from '../bench.js';
import { PeerProcess } from '../peer-process.js';
import { seedlingDir } from '../repository.js';

const RANK = 8;
const ROWS = 8;
const LENGTH = 256;
const THREADS = 2;
const WARMUP = 3;
const STEPS = 15;

/** One LoRA step (forward, backward, clipping, AdamW) against PyTorch with PEFT, taken in turns. */
export const trainStep: Bench = {
  name: 'train.step',
  summary: `LoRA step of seedling, ${ROWS} × ${LENGTH} tokens, against PyTorch + PEFT on the same CPU`,
  async run({ log, peer }) {
    const base = await loadModelFolder(seedlingDir);
    const lora = { rank: RANK, alpha: 2 * RANK, targetModules };
    const shape = { model: seedlingDir, rank: RANK, alpha: 2 * RANK, target_modules: targetModules };
    const theirs = await PeerProcess.python('train_step.py', {
      interactive: true,
      ...shape,
      rows: ROWS,
      length: LENGTH,
      threads: THREADS,
      steps: 0,
      warmup: WARMUP,
      seed: 1,
    });
    const trainer = await Trainer.forLora(base, lora, { seed: 1, maxLength: LENGTH, threads: THREADS });

    const ours: number[] = [];
    const peft: number[] = [];
    let begun = performance.now();
    await trainer.train({
      batches: () => randomRows(base.config.vocabSize),
      schedule: { learningRate: 1e-3, steps: WARMUP + STEPS, warmupSteps: 1, finalShare: 1 },
      onProgress: async ({ step }) => {
        const elapsed = performance.now() - begun;
        if (step > WARMUP) {
          ours.push(elapsed);
          peft.push(await theirs.ask('step'));
          log(`step ${step - WARMUP}/${STEPS}: ${elapsed.toFixed(0)} ms, PEFT ${peft.at(-1)?.toFixed(0)} ms`);
        }
        begun = performance.now();
      },
    });
    await trainer.release();
    for (const [name, version] of Object.entries(await theirs.end())) peer(name, version);
    const [oursMs, peftMs] = [median(ours), median(peft)];
    return {
      step_ms: oursMs,
      peft_step_ms: peftMs,
      ratio_vs_peft: peftMs / oursMs,
      tokens_per_s: (ROWS * LENGTH * 1_000) / oursMs,
      rows: ROWS,
      length: LENGTH,
      rank: RANK,
      threads: THREADS,
    };
  },
};

/** Content does not change the time; every position is scored, as in the peer. */
function randomRows(vocabSize: number) {
  const random = seededRandom(1);
  return Array.from({ length: ROWS }, () => {
    const inputIds = Int32Array.from({ length: LENGTH }, () => Math.floor(random() * vocabSize));
    return { inputIds, labels: inputIds };
  });
}
