import type { BlobStore } from '@openledger/blob-store';
import { type LoadedModel, loadModelFolder } from '@openledger/transformer';
import { z } from 'zod';
import type {
  AnswerOrder,
  AuditOrder,
  AuditReport,
  IndexSummary,
  ModelVersion,
  Replay,
  ReplayOrder,
  ScoredAnswer,
} from '../../application/ports.js';
import { pearson, reliabilityPpb } from '../../domain/audit.js';
import { stakesOf } from '../../domain/lineage.js';
import { readJson, storeJson } from '../json-blob.js';
import { completionSpans } from './answer-spans.js';
import { buildIndex, SEED, SKETCH_SIZE } from './build-index.js';
import { indexAudit } from './index-audit.js';
import { type ReplayParts, replayAnswer } from './replay-answer.js';
import { type ScoringVersion, scoreAnswer } from './score-answer.js';
import { isOfUnknownOrigin, scoreUnknown, storeEmptyIndex } from './unknown-origin.js';
import { loadIndex, storeIndex } from './version-index.js';
import { type VersionLimits, VersionModel } from './version-model.js';

const Tokens = z.object({
  promptTokens: z.array(z.int().min(0)),
  completionTokens: z.array(z.int().min(0)),
});

/** Changes whenever the same inputs may give another integer. */
export const CODE_VERSION = 'openledger-attribution/1';

export interface EngineConfig extends VersionLimits {
  readonly modelDir: string;
}

/** Indexes versions and scores answers; keeps the version it worked on last. One call at a time. */
export class Engine {
  private base: LoadedModel | undefined;
  private open: { readonly key: string; readonly model: VersionModel } | undefined;
  private scoring: ScoringVersion | undefined;

  constructor(
    private readonly blobs: BlobStore,
    private readonly config: EngineConfig,
  ) {}

  async index(
    version: ModelVersion,
    onProgress: (record: number, records: number) => void,
  ): Promise<IndexSummary> {
    if (isOfUnknownOrigin(version)) return storeEmptyIndex(this.blobs, version);
    const model = await this.modelOf(version);
    const { index, audit } = await buildIndex(model, onProgress);
    const { adapterDigest, baseDigest, lineageBlob, trainingLogBlob } = version;
    return storeIndex(this.blobs, index, {
      format: 'openledger-attribution-index/1',
      adapterDigest,
      baseDigest,
      lineageBlob,
      trainingLogBlob,
      sketchSize: SKETCH_SIZE,
      seed: SEED,
      parameters: model.metric.size,
      records: model.records.length,
      stakes: stakesOf(model.records),
      audit: { pairs: audit.measured.length, pearson: pearson(audit.predicted, audit.measured) },
      reliabilityPpb: reliabilityPpb(audit.predicted, audit.measured),
    });
  }

  async score(order: AnswerOrder): Promise<ScoredAnswer> {
    const { version, indexDigest, requestId, tokensBlob, parties, reliability } = order;
    const answer = Tokens.parse(await readJson(this.blobs, tokensBlob));
    const { score, evidence } = isOfUnknownOrigin(version)
      ? scoreUnknown(await this.baseModel(), { requestId, indexDigest }, answer)
      : await scoreAnswer(await this.scoringOf(version, indexDigest), requestId, answer, parties);
    return {
      ...score,
      reliability,
      indexDigest,
      indexRoot: '',
      codeVersion: CODE_VERSION,
      evidenceBlob: await storeJson(this.blobs, evidence),
      receiptBlob: '',
    };
  }

  audit(order: AuditOrder): Promise<AuditReport> {
    return indexAudit(this.blobs, order);
  }

  replay(order: ReplayOrder): Promise<Replay> {
    const parts: ReplayParts = {
      blobs: this.blobs,
      codeVersion: CODE_VERSION,
      score: (again) => this.score(again),
      verify: async () => `codeVersion: ${CODE_VERSION} keeps no rule of an earlier version`,
    };
    return replayAnswer(parts, order);
  }

  async release(): Promise<void> {
    this.scoring = undefined;
    await this.open?.model.release();
    this.open = undefined;
  }

  private async baseModel(): Promise<LoadedModel> {
    this.base ??= await loadModelFolder(this.config.modelDir);
    return this.base;
  }

  private async modelOf(version: ModelVersion): Promise<VersionModel> {
    const key = `${version.adapterDigest} ${version.lineageBlob} ${version.trainingLogBlob}`;
    if (this.open?.key !== key) {
      await this.release();
      const model = await VersionModel.open(this.blobs, await this.baseModel(), version, this.config);
      this.open = { key, model };
    }
    return this.open.model;
  }

  private async scoringOf(version: ModelVersion, indexDigest: string): Promise<ScoringVersion> {
    const model = await this.modelOf(version);
    if (this.scoring?.model !== model || this.scoring.indexDigest !== indexDigest) {
      const spans = completionSpans(model);
      this.scoring = { model, indexDigest, spans, ...(await loadIndex(this.blobs, indexDigest)) };
    }
    return this.scoring;
  }
}
