import { type Adapter, parseAdapter } from '@openledger/adapters';
import type { BlobStore } from '@openledger/blob-store';
import { countLines, DomainError, fromJsonLines } from '@openledger/kernel';
import {
  completionExample,
  GradientSession,
  instructionTokens,
  type LoadedModel,
  type LoraWeights,
  parseSafetensors,
  Scorer,
} from '@openledger/transformer';
import { z } from 'zod';
import type { ModelVersion } from '../../application/ports.js';
import { AdamMetric } from '../../domain/adam-metric.js';
import type { TokenExample } from '../../domain/decoys.js';
import type { LineageRecord } from '../../domain/lineage.js';
import { readJson } from '../json-blob.js';

const TrainingLog = z.object({
  epsilonRoot: z.number().positive(),
  maxTokens: z.int().positive(),
  secondMomentsBlob: z.string(),
});

const Record = z.object({
  recordId: z.string(),
  contributorId: z.string(),
  tokens: z.number(),
  quality: z.number(),
  prompt: z.string(),
  completion: z.string(),
});

/**
 * Where on the straight path from the base model (0) to the adapter (1) gradients are taken. At its end
 * the records are learnt: their gradients fade and cancel out, and what is left of them has lost its
 * sign. Closer to the start they still say what each record taught (TracIn, Pruthi et al. 2020, sums over
 * the checkpoints of the path; one point does as well here, see the README).
 */
const PATH_POINT = 0.25;

export interface VersionLimits {
  readonly threads: number;
  readonly tokensMax: number;
  readonly recordsMax: number;
}

interface Parts {
  readonly base: LoadedModel;
  readonly adapter: Adapter;
  /** The adapter at {@link PATH_POINT}. */
  readonly learning: LoraWeights;
  readonly records: readonly LineageRecord[];
  readonly metric: AdamMetric;
  readonly session: GradientSession;
  readonly tokensMax: number;
  readonly threads: number;
}

/** A version's adapter over its base model, ready to be differentiated and to score. */
export class VersionModel {
  private scorer: Scorer | undefined;

  private constructor(private readonly parts: Parts) {}

  get base(): LoadedModel {
    return this.parts.base;
  }

  /** The adapter on its way, where records are differentiated. */
  get learning(): LoraWeights {
    return this.parts.learning;
  }

  get records(): readonly LineageRecord[] {
    return this.parts.records;
  }

  get metric(): AdamMetric {
    return this.parts.metric;
  }

  /** Longest sequence. */
  get tokensMax(): number {
    return this.parts.tokensMax;
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
    const log = TrainingLog.parse(await readJson(blobs, version.trainingLogBlob));
    const { tensors } = parseSafetensors(await blobs.get(log.secondMomentsBlob));
    // Whatever was trained on can be differentiated.
    const tokensMax = Math.min(Math.max(limits.tokensMax, log.maxTokens), base.config.maxPositions);
    const { threads } = limits;
    const session = await GradientSession.forLora(base.config, base.weights, adapter.lora, {
      maxLength: tokensMax,
      threads,
    });
    const metric = new AdamMetric(tensors, log.epsilonRoot);
    const learning = onPath(adapter.weights, PATH_POINT);
    return new VersionModel({ base, adapter, learning, records, metric, session, tokensMax, threads });
  }

  /** Framed as it was trained. */
  tokensOf(record: LineageRecord): TokenExample {
    return instructionTokens(this.base, record);
  }

  /** Gradient of the completion's summed NLL by the adapter on its way, in Adam's metric. */
  async gradient({ tokens, completionStart }: TokenExample): Promise<Float32Array> {
    const example = completionExample(tokens, completionStart);
    const { gradients } = await this.parts.session.gradients(this.learning, [example], 1);
    return this.metric.toMetric(gradients);
  }

  /** Summed NLL of the completion, nats, with the adapter on its way moved by `step`. */
  async loss({ tokens, completionStart }: TokenExample, step?: Float32Array): Promise<number> {
    const example = completionExample(tokens, completionStart);
    const weights = step ? this.moved(step) : this.learning;
    return (await this.parts.session.loss(weights, [example])).total;
  }

  /** log p of each completion token by the base model and with the adapter. */
  async logProbabilities({ tokens, completionStart }: TokenExample) {
    const { base, adapter } = this.parts;
    this.scorer ??= await Scorer.open(base.config, base.weights, {
      maxLength: this.tokensMax,
      threads: this.parts.threads,
      lora: adapter.lora,
    });
    const example = completionExample(tokens, completionStart);
    const [byBase = new Float32Array(0)] = await this.scorer.logProbabilities([example]);
    const [byAdapter = new Float32Array(0)] = await this.scorer.logProbabilities([example], adapter.weights);
    return { base: byBase, adapter: byAdapter };
  }

  async release(): Promise<void> {
    await this.parts.session.release();
    await this.scorer?.release();
  }

  private moved(step: Float32Array): LoraWeights {
    const steps = this.metric.unflatten(step);
    return new Map(
      [...this.learning].map(([name, { shape, data }]) => {
        const change = steps.get(name);
        return [name, { shape, data: data.map((value, i) => value + (change?.[i] ?? 0)) }];
      }),
    );
  }
}

/** The share `point` of what the adapter adds: B A is linear in B. */
function onPath(weights: LoraWeights, point: number): LoraWeights {
  return new Map(
    [...weights].map(([name, { shape, data }]) => {
      const factor = name.endsWith('lora_B.weight') ? point : 1;
      return [name, { shape, data: data.map((value) => value * factor) }];
    }),
  );
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
