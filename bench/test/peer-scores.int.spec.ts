import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { completionExample, initialWeights, type ModelConfig, seededRandom } from '@openledger/transformer';
import { peerFamilies, peerScores } from '../src/attribution/peers/peer-scores.js';
import { peerAttributionPython } from '../src/repository.js';

const config: ModelConfig = {
  modelType: 'llama',
  vocabSize: 24,
  hiddenSize: 16,
  intermediateSize: 24,
  layerCount: 1,
  headCount: 2,
  kvHeadCount: 1,
  headDim: 8,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  maxPositions: 16,
  tieEmbeddings: true,
  attentionBias: false,
  qkNorm: false,
  eosTokenIds: [],
};
const [EXAMPLES, QUERIES] = [24, 3];

/** Sequences of different lengths, and for each query an example that is the same. */
function task() {
  const random = seededRandom(4);
  const sequence = () =>
    Array.from({ length: 6 + Math.floor(random() * 6) }, () => Math.floor(random() * config.vocabSize));
  const examples = Array.from({ length: EXAMPLES }, () => completionExample(sequence(), 3));
  const weights = initialWeights(config, 1);
  for (const [name, { data }] of weights)
    if (!name.endsWith('norm.weight')) data.set(data.map((w) => 10 * w));
  return {
    base: { config, weights },
    examples,
    queries: examples.slice(0, QUERIES),
    recipe: {
      lora: { rank: 2, alpha: 4, targetModules: ['q_proj', 'o_proj', 'gate_proj'] as const },
      seed: 2,
      batchRows: 8,
      schedule: { learningRate: 2e-3, steps: 8, warmupSteps: 2, finalShare: 0.5 },
      optimizer: { beta1: 0.9, beta2: 0.99, epsilonRoot: 1e-7, weightDecay: 0 },
      maxGradientNorm: 1,
      maxTokens: 16,
    },
  };
}

/** The Python peers are optional on a developer's machine. */
const withPeers = existsSync(peerAttributionPython) ? describe : describe.skip;

withPeers('the peers of attribution', () => {
  it('score our adapter by our gradients, and find what equals a query', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'peer-scores-'));
    const { methods, agreement, ms } = await peerScores(task(), { folder, threads: 1 });
    await rm(folder, { recursive: true });

    expect(agreement.gradDotDifference).toBeLessThan(1e-5);
    expect(Object.keys(ms).sort()).toEqual([...peerFamilies].sort());
    const cosines = methods.get('GradCos')?.scores ?? [];
    for (let query = 0; query < QUERIES; query += 1) {
      expect(cosines[query * QUERIES + query]).toBeCloseTo(1, 5);
      for (const name of ['GradDot', 'GradCos', 'LESS', 'LoGra', 'DataInf', 'EK-FAC']) {
        const { scores = new Float32Array(0) } = methods.get(name) ?? {};
        const column = scores.filter((_, at) => at % QUERIES === query);
        expect([name, query, column.indexOf(Math.max(...column))]).toEqual([name, query, query]);
      }
    }
    for (const { scores, source } of methods.values()) {
      expect(scores.every(Number.isFinite)).toBe(true);
      expect(source).toMatch(/dattri 0\.3\.0|kronfluence 1\.0\.1|restated/);
    }
  }, 120_000);
});
