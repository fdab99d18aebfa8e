import { adapterDigest, encodeAdapter } from '@openledger/adapters';
import type { BlobStore } from '@openledger/blob-store';
import { ModelDeployed } from '@openledger/contracts';
import { newId, toJsonLines } from '@openledger/kernel';
import {
  completionExample,
  defaultAdamW,
  type Example,
  encodeSafetensors,
  instructionTokens,
  type LoadedModel,
  type LoraConfig,
  type LoraWeights,
  loadModelFolder,
  Scorer,
  shuffledBatches,
  Trainer,
  targetModules,
} from '@openledger/transformer';

export interface TestRecord {
  readonly contributorId: string;
  readonly prompt: string;
  readonly completion: string;
}

export interface TrainingPlan {
  readonly modelDir: string;
  readonly epochs: number;
  readonly batchRows: number;
  readonly learningRate: number;
}

const SEED = 3;
const TOKENS_MAX = 256;
const lora: LoraConfig = { rank: 8, alpha: 16, targetModules };

/** An adapter that was really trained on known records, and can be asked. */
export class TrainedVersion {
  private constructor(
    readonly event: ModelDeployed,
    readonly finalLoss: number,
    private readonly parts: {
      readonly base: LoadedModel;
      readonly weights: LoraWeights;
      readonly scorer: Scorer;
    },
  ) {}

  static async train(
    blobs: BlobStore,
    records: readonly TestRecord[],
    plan: TrainingPlan,
  ): Promise<TrainedVersion> {
    const base = await loadModelFolder(plan.modelDir);
    const examples = records.map((record) => {
      const { tokens, completionStart } = instructionTokens(base, record);
      return completionExample(tokens, completionStart);
    });
    const trainer = await Trainer.forLora(base, lora, { seed: SEED, maxLength: TOKENS_MAX, threads: 1 });
    const steps = Math.ceil((examples.length * plan.epochs) / plan.batchRows);
    await trainer.train({
      batches: shuffledBatches(examples, plan.batchRows, SEED),
      schedule: { learningRate: plan.learningRate, steps, warmupSteps: 2, finalShare: 0.1 },
    });
    const { loss } = await trainer.evaluate(examples);
    const weights: LoraWeights = new Map(trainer.tensors);
    const event = await deploy(blobs, { base, trainer, weights, records, examples });
    await trainer.release();
    const scorer = await Scorer.open(base.config, base.weights, { maxLength: TOKENS_MAX, threads: 1, lora });
    return new TrainedVersion(event, loss, { base, weights, scorer });
  }

  /** The greedy answer, as the gateway stores it. */
  async ask(prompt: string, tokensMax = 48): Promise<{ promptTokens: number[]; completionTokens: number[] }> {
    const { base, weights, scorer } = this.parts;
    const { tokens, completionStart } = instructionTokens(base, { prompt, completion: '' });
    const promptTokens = Array.from(tokens).slice(0, completionStart);
    const completionTokens: number[] = [];
    while (completionTokens.length < tokensMax) {
      const all = [...promptTokens, ...completionTokens];
      const { data } = await scorer.logits([all], weights);
      const { vocabSize } = base.config;
      const row = data.subarray((all.length - 1) * vocabSize, all.length * vocabSize);
      const next = row.indexOf(Math.max(...row));
      if (base.generation.eosTokenIds.includes(next)) break;
      completionTokens.push(next);
    }
    return { promptTokens, completionTokens };
  }

  async release(): Promise<void> {
    await this.parts.scorer.release();
  }
}

interface Trained {
  readonly base: LoadedModel;
  readonly trainer: Trainer;
  readonly weights: LoraWeights;
  readonly records: readonly TestRecord[];
  readonly examples: readonly Example[];
}

/** The files that training publishes, in its formats. */
async function deploy(blobs: BlobStore, { base, trainer, weights, records, examples }: Trained) {
  const files = encodeAdapter(lora, weights, 'test');
  const lineage = records.map((record, i) => ({
    recordId: `record-${i}`,
    contributionId: `contribution-of-${record.contributorId}`,
    datanetId: 'datanet',
    quality: 0.8,
    tokens: Array.from(examples[i]?.labels ?? []).filter((label) => label >= 0).length,
    ...record,
  }));
  const correction = 1 - defaultAdamW.beta2 ** trainer.step;
  const moments = [...trainer.moments].map(([name, { second }]) => {
    const shape = trainer.tensors.get(name)?.shape ?? [second.length];
    return [name, { shape, data: second.map((value) => value / correction) }] as const;
  });
  const log = {
    steps: trainer.step,
    epsilonRoot: defaultAdamW.epsilonRoot,
    maxTokens: TOKENS_MAX,
    secondMomentsBlob: await blobs.put(encodeSafetensors(new Map(moments))),
  };
  return ModelDeployed.create({
    modelId: newId(),
    name: 'test-model',
    runId: newId(),
    developerOrganisationId: 'developer',
    baseDigest: base.digest,
    baseName: 'test',
    adapterDigest: adapterDigest(files),
    adapterConfigBlob: await blobs.put(files.config),
    adapterWeightsBlob: await blobs.put(files.weights),
    lineageBlob: await blobs.put(toJsonLines(lineage)),
    trainingLogBlob: await blobs.put(Buffer.from(JSON.stringify(log))),
    datanetIds: ['datanet'],
    deployedAt: new Date(),
  });
}
