import type { BlobStore } from '@openledger/blob-store';
import { canonicalJson, DomainError, type Json } from '@openledger/kernel';
import {
  type AnswerOrder,
  AttributionEngine,
  type AuditOrder,
  type AuditReport,
  type IndexProgress,
  type IndexSummary,
  type ModelVersion,
  type Replay,
  type ReplayOrder,
  type ScoredAnswer,
  type ScoreOutcome,
  type Watch,
} from '../src/application/ports.js';

const MILLION = 1_000_000;
const GROUPS = ['ada', 'bo', 'cy'] as const;

/** What ada, bo and cy put into every version of these tests. */
export const stakes = GROUPS.map((contributorId, i) => ({
  contributorId,
  records: 2,
  tokens: 10,
  basePpb: [500, 300, 200][i] ?? 0,
})).map((stake) => ({ ...stake, basePpb: stake.basePpb * MILLION }));

export const quickReliability = { ppb: 400 * MILLION, lowPpb: 100 * MILLION, highPpb: 700 * MILLION };
export const auditedReliability = { ppb: 600 * MILLION, lowPpb: 500 * MILLION, highPpb: 650 * MILLION };

/** A batch that never ends by itself. */
export const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('it was called off')), { once: true });
  });

/** An engine that answers at once and as it is told to, and remembers what it was asked. */
export class ScriptedEngine extends AttributionEngine {
  readonly indexed: ModelVersion[] = [];
  readonly batches: (readonly AnswerOrder[])[] = [];
  readonly audits: AuditOrder[] = [];
  readonly replays: ReplayOrder[] = [];
  /** Instead of the usual: by request, by adapter, for all. */
  readonly refusals = new Map<string, DomainError | Error>();
  /** Resolves before a batch is scored; what it throws breaks the batch. */
  beforeScore: (signal: AbortSignal) => Promise<void> = async () => {};
  beforeAudit: (signal: AbortSignal) => Promise<void> = async () => {};
  replayed: Partial<Replay> = {};

  constructor(private readonly blobs: BlobStore) {
    super();
  }

  async index(version: ModelVersion, { onProgress }: Watch<IndexProgress>): Promise<IndexSummary> {
    this.indexed.push(version);
    onProgress({ record: 1, records: 6 });
    this.refuse(version.adapterDigest);
    return {
      digest: `index-of-${version.adapterDigest}`,
      root: `root-of-${version.adapterDigest}`,
      reliability: quickReliability,
      records: 6,
      parameters: 8,
      stakes,
      contributions: GROUPS.map((id) => `contribution-of-${id}`),
    };
  }

  async score(orders: readonly AnswerOrder[], signal: AbortSignal): Promise<ScoreOutcome[]> {
    this.batches.push(orders);
    await this.beforeScore(signal);
    return Promise.all(orders.map((order) => this.outcomeOf(order)));
  }

  async audit(order: AuditOrder, signal: AbortSignal): Promise<AuditReport> {
    this.audits.push(order);
    await this.beforeAudit(signal);
    this.refuse(`audit ${order.version.adapterDigest}`);
    return {
      reliability: auditedReliability,
      method: 'LEAVE_ONE_OUT',
      auditBlob: 'audit-blob',
      impact: {
        baseLoss: 3,
        adapterLoss: 2,
        contributors: [
          { contributorId: 'ada', lossChange: 0.5, standardError: 0.1, method: 'LEAVE_ONE_OUT' },
        ],
      },
    };
  }

  async replay(order: ReplayOrder): Promise<Replay> {
    this.replays.push(order);
    this.refuse(`replay ${order.requestId}`);
    const note = 'Computed again by test/1: every integer is the same.';
    return { equal: true, differences: [], missing: [], codeVersion: 'test/1', note, ...this.replayed };
  }

  async close(): Promise<void> {}

  private async outcomeOf(order: AnswerOrder): Promise<ScoreOutcome> {
    try {
      this.refuse(order.requestId);
      return { kind: 'scored', score: await this.scored(order) };
    } catch (error) {
      if (!(error instanceof DomainError)) return { kind: 'broke', error: error as Error };
      return { kind: 'refused', refusal: { code: error.code, message: error.message } };
    }
  }

  private refuse(what: string): void {
    const error = this.refusals.get(what);
    if (error) throw error;
  }

  /** Ada explains 60 %, bo nothing, cy a retrieved chunk. */
  private async scored({ version, requestId, indexDigest, parties, reliability, withdrawn }: AnswerOrder) {
    const influence = [600, 0, 0].map((share) => share * MILLION);
    const score: ScoredAnswer = {
      status: 'scored',
      reason: '',
      contributors: stakes.map(({ contributorId, basePpb }, i) => ({
        contributorId,
        partyId: parties.get(contributorId) ?? contributorId,
        influencePpb: influence[i] ?? 0,
        contextPpb: i === 2 ? 100 * MILLION : 0,
        basePpb,
      })),
      baseModelPpb: 250 * MILLION,
      reservePpb: 50 * MILLION,
      reliability,
      pools: { baseModelPpb: 250 * MILLION, trainingPpb: 650 * MILLION, contextPpb: 100 * MILLION },
      indexDigest,
      indexRoot: `root-of-${version.adapterDigest}`,
      codeVersion: 'test/1',
      evidenceBlob: await this.store(evidence),
      receiptBlob: await this.store({ requestId, withdrawn: [...withdrawn] }),
    };
    return score;
  }

  private store = (value: Json) => this.blobs.put(Buffer.from(canonicalJson(value)));
}

const record = (contributorId: string) => ({ recordId: `record-of-${contributorId}`, contributorId });

/** Of every answer: ada's words, a record of ada's and one of bo's, a chunk of cy's. */
const evidence = {
  text: 'Gull Rock shows two white flashes.',
  spans: [
    { start: 0, end: 9, text: 'Gull Rock', records: [record('ada')], nats: 2.5 },
    { start: 16, end: 19, text: 'two', records: [record('bo')], nats: 0.5 },
  ],
  topRecords: [
    { ...record('ada'), score: 3, prompt: 'What is Gull Rock?', completion: 'A white tower.' },
    { ...record('bo'), score: 1, prompt: 'Two pears?', completion: 'In straw.' },
  ],
  chunks: [{ ...record('cy'), nats: 1.5, standardError: 0.25 }],
  reasons: [
    { contributorId: 'ada', code: 'PAID', message: 'Gull Rock.' },
    { contributorId: 'bo', code: 'BELOW_NOISE', message: 'Not above chance.' },
    { contributorId: 'cy', code: 'PAID', message: 'His chunk.' },
  ],
};
