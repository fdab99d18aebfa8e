import type { BlobStore } from '@openledger/blob-store';
import { DomainError } from '@openledger/kernel';
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
import { receiptRule } from '../../domain/credit/receipt-rule.js';
import { stakesOf } from '../../domain/lineage.js';
import { type ScoreReceipt, verifyReceipt } from '../../domain/receipt.js';
import { contextRanges } from '../context-ranges.js';
import { readJson, storeJson } from '../json-blob.js';
import { buildIndex } from './build-index.js';
import { replayAnswer } from './replay-answer.js';
import { scoreAnswer } from './score-answer.js';
import { openScoring, type ScoringVersion } from './scoring-version.js';
import { isOfUnknownOrigin, unknownEvidence, unknownScore } from './unknown-origin.js';
import { ScanThreads } from './vectors/scan-threads.js';
import { auditIndex, storeAudit } from './version-audit.js';
import { recordVectors, storeEmptyIndex, storeIndex } from './version-index.js';
import { type VersionLimits, VersionModel } from './version-model.js';

const Tokens = z.object({
  promptTokens: z.array(z.int().min(0)),
  completionTokens: z.array(z.int().min(0)),
  context: contextRanges.default([]),
});

/** Changes whenever the same inputs may give another integer. */
export const CODE_VERSION = 'openledger-attribution/2';

export interface EngineConfig extends VersionLimits {
  readonly modelDir: string;
}

/** Indexes versions and scores answers; keeps the version it worked on last. One call at a time. */
export class Engine {
  private base: LoadedModel | undefined;
  private open: { readonly key: string; readonly model: VersionModel } | undefined;
  private scoring: ScoringVersion | undefined;
  private readonly scan: ScanThreads;

  constructor(
    private readonly blobs: BlobStore,
    private readonly config: EngineConfig,
  ) {
    this.scan = new ScanThreads(config.threads);
  }

  async index(
    version: ModelVersion,
    onProgress: (record: number, records: number) => void,
  ): Promise<IndexSummary> {
    const { adapterDigest, baseDigest, lineageBlob, trainingLogBlob } = version;
    const decided = { adapterDigest, baseDigest, lineageBlob, trainingLogBlob };
    if (isOfUnknownOrigin(version)) return storeEmptyIndex(this.blobs, decided);
    const model = await this.modelOf(version);
    const { threads } = this.config;
    const built = await buildIndex(model, { threads, scan: this.scan, onProgress });
    const summary = await storeIndex(this.blobs, built.index, {
      ...decided,
      parameters: model.gradients.size,
      records: model.records.length,
      stakes: stakesOf(model.records),
      clusters: built.clusters,
      kappa: built.kappa,
      reliability: built.reliability,
    });
    const contributions = new Set(model.records.map(({ contributionId }) => contributionId));
    return { ...summary, contributions: [...contributions].sort() };
  }

  /** @throws DomainError where nothing can be measured; see `FINAL_REASONS` */
  async score(order: AnswerOrder): Promise<ScoredAnswer> {
    const { version, indexDigest, requestId, tokensBlob, reliability } = order;
    const answer = { requestId, ...Tokens.parse(await readJson(this.blobs, tokensBlob)) };
    const known = { reliability, indexDigest, codeVersion: CODE_VERSION };
    if (isOfUnknownOrigin(version)) {
      const evidence = unknownEvidence(await this.baseModel(), answer.completionTokens);
      const evidenceBlob = await storeJson(this.blobs, evidence);
      return { ...unknownScore, ...known, indexRoot: '', evidenceBlob, receiptBlob: '' };
    }
    const scoring = await this.scoringOf(version, indexDigest);
    const { evidence, receipt } = await scoreAnswer(scoring, order, answer, CODE_VERSION);
    return {
      ...receipt.result,
      ...known,
      indexRoot: scoring.description.root,
      evidenceBlob: await storeJson(this.blobs, evidence),
      receiptBlob: await storeJson(this.blobs, receipt),
    };
  }

  async audit({ version, indexDigest, secondsMax }: AuditOrder): Promise<AuditReport> {
    if (isOfUnknownOrigin(version)) {
      const message = 'How the adapter was trained is not known, so it cannot be trained again.';
      throw new DomainError('precondition', 'UNKNOWN_ORIGIN', message);
    }
    const { model, space, index } = await this.scoringOf(version, indexDigest);
    const vectors = recordVectors(index);
    return storeAudit(this.blobs, await auditIndex({ model, space, vectors }, secondsMax), indexDigest);
  }

  replay(order: ReplayOrder): Promise<Replay> {
    return replayAnswer(
      {
        blobs: this.blobs,
        codeVersion: CODE_VERSION,
        score: (again) => this.score(again),
        verify: (receipt) => this.verify(order.version, receipt),
      },
      order,
    );
  }

  async release(): Promise<void> {
    await this.scoring?.space.release();
    this.scoring = undefined;
    await this.open?.model.release();
    this.open = undefined;
    await this.scan.close();
  }

  private async verify(version: ModelVersion, receipt: ScoreReceipt): Promise<string | undefined> {
    const { index, sums, description } = await this.scoringOf(version, receipt.inputs.indexDigest);
    const { root, stakes } = description;
    const sumOf = (group: string) =>
      Number(group) < sums.count ? sums.group(Number(group)).values : undefined;
    const rows = new Map([...index.vectors.records].map((record, row) => [record, row]));
    const rowOf = (record: number) => {
      const row = rows.get(record);
      return row === undefined ? undefined : index.vectors.row(row).values;
    };
    return verifyReceipt(receipt, { root, stakes, sumOf, rowOf }, receiptRule);
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
      await this.scoring?.space.release();
      this.scoring = undefined;
      const { threads } = this.config;
      this.scoring = await openScoring(this.blobs, model, { version, indexDigest, scan: this.scan, threads });
    }
    return this.scoring;
  }
}
