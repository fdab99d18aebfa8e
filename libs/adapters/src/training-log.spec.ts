import { sha256 } from '@openledger/kernel';
import { parseTrainingLog, recipeOf, type TrainingLog } from './training-log.js';

const log: TrainingLog = {
  format: 'openledger-training-log/2',
  recipe: {
    lora: { rank: 4, alpha: 8, targetModules: ['q_proj'] },
    seed: 1,
    order: 'shuffled-passes',
    batchRows: 8,
    schedule: { kind: 'warmup-cosine', learningRate: 1e-3, steps: 20, warmupSteps: 2, finalShare: 0.1 },
    optimizer: { kind: 'adamw', beta1: 0.9, beta2: 0.999, epsilonRoot: 1e-7, weightDecay: 0 },
    maxGradientNorm: null,
    maxTokens: 256,
    dropout: 0,
    normalizer: 'scored-tokens-of-batch',
    threads: 2,
  },
  runtime: { onnxruntime: '1.30.0', architecture: 'x64' },
  steps: 20,
  learningRateSum: 0.01,
  epsilonRoot: 1e-7,
  maxTokens: 256,
  secondMomentsBlob: sha256('moments'),
  lossTraceBlob: sha256('trace'),
  checkpoints: [{ step: 20, tensorsBlob: sha256('tensors'), secondMomentsBlob: sha256('moments') }],
  heldOut: { recordsBlob: sha256('records'), records: 3, baseLoss: 2, adapterLoss: 1 },
};

describe('a training log', () => {
  it('comes back from JSON with numbers unchanged, and ignores what else is said', () => {
    const stored: unknown = JSON.parse(JSON.stringify({ ...log, plan: { modelName: 'facts' } }));
    expect(parseTrainingLog(stored)).toEqual(log);
  });

  it('gives the recipe that a training is repeated from', () => {
    expect(recipeOf(log)).toEqual({
      lora: { rank: 4, alpha: 8, targetModules: ['q_proj'] },
      seed: 1,
      batchRows: 8,
      schedule: { learningRate: 1e-3, steps: 20, warmupSteps: 2, finalShare: 0.1 },
      optimizer: { beta1: 0.9, beta2: 0.999, epsilonRoot: 1e-7, weightDecay: 0 },
      maxGradientNorm: null,
      maxTokens: 256,
    });
  });

  it.each([
    ['of an earlier format', { format: undefined }, 'format'],
    ['of a training with dropout', { recipe: { ...log.recipe, dropout: 0.1 } }, 'recipe.dropout'],
    ['of another order', { recipe: { ...log.recipe, order: 'as-given' } }, 'recipe.order'],
    ['without states on the way', { checkpoints: [] }, 'checkpoints'],
    ['that names no blob', { lossTraceBlob: 'trace' }, 'lossTraceBlob'],
  ])('%s is refused with the place', (_, change, place) => {
    expect(() => parseTrainingLog({ ...log, ...change })).toThrow(`: ${place}: `);
    expect(() => parseTrainingLog(null)).toThrow('the log');
  });
});
