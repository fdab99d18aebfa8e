import {
  type Adapter,
  parseAdapter,
  parseTrainingLog,
  recipeOf,
  type TrainingLog,
} from '@openledger/adapters';
import type { BlobStore } from '@openledger/blob-store';
import { countLines, DomainError, fromJsonLines } from '@openledger/kernel';
import {
  completionExample,
  type Example,
  ExampleGradients,
  type InstructionTokens,
  instructionTokens,
  type LoadedModel,
  type LoraWeights,
  learningRateAt,
  parseSafetensors,
  Scorer,
} from '@openledger/transformer';
import { z } from 'zod';
import type { ModelVersion } from '../../application/ports.js';
import type { LineageRecord } from '../../domain/lineage.js';
import { readJson } from '../json-blob.js';
import type { Learning } from './influence/projection.js';
import { ratesAround } from './influence/run-trajectory.js';
import type { Trajectory } from './influence/trajectory-rows.js';
import type { Training } from './oracle/trained-run.js';
import type { AnswerScorer } from './retrieval-scores.js';

const Record = z.object({
  recordId: z.string(),
  contributorId: z.string(),
  contributionId: z.string(),
  tokens: z.number(),
  quality: z.number(),
  prompt: z.string(),
  completion: z.string(),
});

export interface VersionLimits {
  readonly threads: number;
  readonly tokensMax: number;
  readonly recordsMax: number;
}

interface Parts {
  readonly base: LoadedModel;
  readonly adapter: Adapter;
  readonly log: TrainingLog;
  readonly records: readonly LineageRecord[];
  readonly heldOut: readonly LineageRecord[];
  readonly gradients: ExampleGradients;
  readonly trajectory: Trajectory;
  readonly tokensMax: number;
  readonly threads: number;
}

/** A version's adapter over its base model, and how it came to be. */
export class VersionModel {
  private scorer: Scorer | undefined;
  /** Of the records, in the order of the lineage. */
  readonly examples: readonly Example[];

  private constructor(private readonly parts: Parts) {
    this.examples = parts.records.map((record) => this.exampleOf(record));
  }

  get base(): LoadedModel {
    return this.parts.base;
  }

  get adapter(): Adapter {
    return this.parts.adapter;
  }

  get records(): readonly LineageRecord[] {
    return this.parts.records;
  }

  /** Records that the training never saw. */
  get heldOut(): readonly LineageRecord[] {
    return this.parts.heldOut;
  }

  get gradients(): ExampleGradients {
    return this.parts.gradients;
  }

  get trajectory(): Trajectory {
    return this.parts.trajectory;
  }

  /** Longest sequence. */
  get tokensMax(): number {
    return this.parts.tokensMax;
  }

  get learning(): Learning {
    return {
      rateSum: this.parts.log.learningRateSum,
      scoredTokens: this.records.reduce((sum, { tokens }) => sum + tokens, 0),
      examples: this.records.length,
    };
  }

  /** To train it again. */
  get training(): Training {
    const { base, log } = this.parts;
    return { base, recipe: recipeOf(log), examples: this.examples, options: { threads: log.recipe.threads } };
  }

  static async open(
    blobs: BlobStore,
    base: LoadedModel,
    version: ModelVersion,
    limits: VersionLimits,
  ): Promise<VersionModel> {
    if (base.digest !== version.baseDigest) {
      const message = `The adapter was trained over the base model ${version.baseDigest}, but MODEL_DIR holds ${base.digest}.`;
      throw new DomainError('precondition', 'BASE_MODEL_DIFFERS', message);
    }
    const files = {
      config: await blobs.get(version.adapterConfigBlob),
      weights: await blobs.get(version.adapterWeightsBlob),
    };
    const adapter = parseAdapter(files, base.config);
    if (adapter.digest !== version.adapterDigest) {
      const message = `The adapter's files have the digest ${adapter.digest}, not ${version.adapterDigest}.`;
      throw new DomainError('precondition', 'ADAPTER_DIFFERS', message);
    }
    const records = await readLineage(blobs, version.lineageBlob, limits.recordsMax);
    const log = parseTrainingLog(await readJson(blobs, version.trainingLogBlob));
    // Whatever was trained on can be differentiated.
    const tokensMax = Math.min(Math.max(limits.tokensMax, log.maxTokens), base.config.maxPositions);
    const { threads } = limits;
    return new VersionModel({
      base,
      adapter,
      log,
      records,
      heldOut: await readLineage(blobs, log.heldOut.recordsBlob, limits.recordsMax),
      gradients: await ExampleGradients.forLora(base.config, base.weights, adapter.lora, {
        maxLength: tokensMax,
        threads,
      }),
      trajectory: await readTrajectory(blobs, log),
      tokensMax,
      threads,
    });
  }

  /** Framed as it was trained. */
  tokensOf(record: LineageRecord): InstructionTokens {
    return instructionTokens(this.base, record);
  }

  exampleOf(record: LineageRecord): Example {
    const { tokens, completionStart } = this.tokensOf(record);
    return completionExample(tokens, completionStart);
  }

  /** Scores sequences by the base model and with the adapter. */
  async answerScorer(): Promise<AnswerScorer> {
    const { base, adapter, tokensMax, threads } = this.parts;
    this.scorer ??= await Scorer.open(base.config, base.weights, {
      maxLength: tokensMax,
      threads,
      lora: adapter.lora,
    });
    return { scorer: this.scorer, adapter: adapter.weights, tokensMax };
  }

  async release(): Promise<void> {
    await this.parts.gradients.release();
    await this.scorer?.release();
  }
}

async function readTrajectory(blobs: BlobStore, log: TrainingLog): Promise<Trajectory> {
  const { checkpoints, steps, recipe } = log;
  const rates = ratesAround(
    checkpoints.map(({ step }) => step),
    steps,
    (step) => learningRateAt(step, recipe.schedule),
  );
  const points: Trajectory['points'][number][] = [];
  for (const [i, { tensorsBlob, secondMomentsBlob }] of checkpoints.entries()) {
    points.push({
      tensors: await readTensors(blobs, tensorsBlob),
      secondMoments: await readTensors(blobs, secondMomentsBlob, 0),
      learningRateSum: rates[i] ?? 0,
    });
  }
  return { points, epsilonRoot: log.epsilonRoot };
}

/** @throws DomainError NOT_FINITE */
async function readTensors(
  blobs: BlobStore,
  blob: string,
  least = Number.NEGATIVE_INFINITY,
): Promise<LoraWeights> {
  const tensors = new Map(parseSafetensors(await blobs.get(blob)).tensors);
  for (const [name, { data }] of tensors) {
    if (data.every((value) => value >= least && Number.isFinite(value))) continue;
    const message = `${name} of ${blob} holds numbers that no training leads to: the training log is damaged.`;
    throw new DomainError('precondition', 'NOT_FINITE', message);
  }
  return tensors;
}

async function readLineage(blobs: BlobStore, blob: string, recordsMax: number): Promise<LineageRecord[]> {
  const bytes = await blobs.get(blob);
  const count = countLines(bytes);
  if (count > recordsMax) {
    const message = `The model was trained on ${count} records; attribution indexes ${recordsMax} at most.`;
    throw new DomainError('too-large', 'LINEAGE_TOO_LARGE', message);
  }
  return fromJsonLines(bytes).map((line) => Record.parse(line));
}
