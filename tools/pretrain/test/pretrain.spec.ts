import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { calibrationTokens, calibrationWindows, loadModelFolder } from '@openledger/transformer';
import { documents, readOwnSources } from '../src/corpus/corpus.js';
import { exportModel } from '../src/export.js';
import { type Plan, seedlingPlan } from '../src/plan.js';
import { pretrain } from '../src/pretrain.js';

const tiny: Plan = {
  ...seedlingPlan,
  trainingDocuments: 60,
  heldOutDocuments: 4,
  vocabularySize: 320,
  rows: 2,
  length: 32,
  schedule: { learningRate: 5e-3, steps: 12, warmupSteps: 2, finalShare: 0.1 },
  model: {
    ...seedlingPlan.model,
    vocabSize: 320,
    hiddenSize: 16,
    intermediateSize: 32,
    layerCount: 1,
    headCount: 2,
    kvHeadCount: 1,
    headDim: 8,
  },
};
const figures = { parameters: 1, trainingTokens: 1, heldOutTokens: 1, bytesPerToken: 3, heldOutLoss: 2.5 };
const newFolder = () => mkdtemp(join(tmpdir(), 'pretrain-'));
const quiet = (): undefined => undefined;

describe('a pre-training run', () => {
  it('gives the same model whether or not it was stopped on the way, and exports it', async () => {
    const whole = await pretrain(tiny, { cache: await newFolder(), threads: 1, log: quiet });
    const cache = await newFolder();
    const stop = new AbortController();
    let seen = 0;
    const stopped = pretrain(tiny, {
      cache,
      threads: 1,
      log: quiet,
      signal: stop.signal,
      onStep: () => {
        seen += 1;
        if (seen === 5) stop.abort(new Error('enough'));
      },
    });
    await expect(stopped).rejects.toThrow('enough');
    const resumed = await pretrain(tiny, { cache, threads: 1, log: quiet, onStep: () => (seen += 1) });
    expect(seen).toBe(12);
    expect(resumed.tensors).toEqual(whole.tensors);

    const folder = await newFolder();
    const digest = await exportModel(folder, {
      plan: tiny,
      tokenizer: whole.tokenizer,
      tensors: whole.tensors,
      figures,
    });
    const model = await loadModelFolder(folder);
    expect(model.digest).toBe(digest);
    expect(model.config).toEqual(tiny.model);
    expect(await readFile(join(folder, 'README.md'), 'utf8')).toContain('**2.5000** nats per token');
    const tokens = await calibrationTokens(model);
    expect(calibrationWindows(tokens, tiny.model.maxPositions).length).toBeGreaterThan(0);
    expect(await readFile(join(folder, 'calibration.txt'), 'utf8')).toContain(
      [...documents(readOwnSources(), 'held-out', 1)][0],
    );
  });
});
