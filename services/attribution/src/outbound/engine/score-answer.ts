import type { Evidence, ScoredAnswer, Share } from '../../application/ports.js';
import type { TokenExample } from '../../domain/decoys.js';
import { CountSketch } from '../../domain/influence/count-sketch.js';
import { type AnswerCredit, creditMembers, type Member } from '../../domain/party-credit.js';
import { typicalScore } from '../../domain/typical-score.js';
import { dot } from '../../domain/vectors.js';
import { answerSpans, type CompletionSpans } from './answer-spans.js';
import type { IndexDescription, VersionIndex } from './version-index.js';
import type { VersionModel } from './version-model.js';

const TOP_RECORDS = 10;

/** A version with its index and the verbatim index of its completions. */
export interface ScoringVersion {
  readonly model: VersionModel;
  readonly index: VersionIndex;
  readonly indexDigest: string;
  readonly description: IndexDescription;
  readonly spans: CompletionSpans;
}

export interface AnswerTokens {
  readonly promptTokens: readonly number[];
  readonly completionTokens: readonly number[];
}

/** The evidence as it is stored: what readers see, and the numbers behind the shares. */
export interface StoredEvidence extends Evidence {
  readonly requestId: string;
  readonly indexDigest: string;
  readonly members: readonly Member[];
  readonly spanNats: Readonly<Record<string, number>>;
  readonly decoys: readonly number[];
  readonly typicalScore: number;
  readonly logLikelihoods: { readonly base: number; readonly adapter: number };
}

/** What the arithmetic says of an answer; the rest of its score is known beforehand. */
export type MeasuredScore = Pick<
  ScoredAnswer,
  'status' | 'reason' | 'contributors' | 'baseModelPpb' | 'reservePpb'
>;

/** Who explains the answer. Depends on the tokens, the version and the parties alone. */
export async function scoreAnswer(
  version: ScoringVersion,
  requestId: string,
  answer: AnswerTokens,
  parties: ReadonlyMap<string, string>,
): Promise<{ readonly score: MeasuredScore; readonly evidence: StoredEvidence }> {
  const { model, index, spans, description } = version;
  const example = exampleOf(answer, model.tokensMax);
  // Nothing was said, so there is nothing to explain.
  const isEmpty = example.tokens.length <= example.completionStart;
  const z = isEmpty ? new Float32Array(model.metric.size) : await model.gradient(example);
  const logs = isEmpty
    ? { base: new Float32Array(0), adapter: new Float32Array(0) }
    : await model.logProbabilities(example);
  const ownerOf = (id: string) => parties.get(id) ?? id;
  const members = description.stakes.map(
    ({ contributorId, records, tokens }, i): Member => ({
      contributorId,
      partyId: ownerOf(contributorId),
      influence: dot(index.sums[i] ?? z, z),
      records,
      tokens,
    }),
  );
  const verbatim = answerSpans({ model, spans }, answer.completionTokens, gains(logs), ownerOf);
  const decoys = index.decoys.map((decoy) => dot(decoy, z));
  const scores = recordScores(version, z);
  const typical = typicalScore(scores);
  const logLikelihoods = { base: sum(logs.base), adapter: sum(logs.adapter) };
  const credit = creditMembers({
    members,
    typicalScore: typical,
    spanNats: verbatim.nats,
    decoys,
    baseLogLikelihood: Math.min(0, logLikelihoods.base),
    adapterLogLikelihood: logLikelihoods.adapter,
  });
  return {
    score: toScore(version, members, credit),
    evidence: {
      requestId,
      indexDigest: version.indexDigest,
      text: verbatim.text,
      spans: verbatim.spans,
      topRecords: topRecords(model, scores),
      members,
      spanNats: Object.fromEntries(verbatim.nats),
      decoys,
      typicalScore: typical,
      logLikelihoods,
    },
  };
}

/** Cuts the beginning of a prompt that is too long, then the end of an answer that is. */
function exampleOf({ promptTokens, completionTokens }: AnswerTokens, tokensMax: number): TokenExample {
  const room = Math.max(1, tokensMax - completionTokens.length);
  const prompt = promptTokens.slice(-room);
  return { tokens: [...prompt, ...completionTokens].slice(0, tokensMax), completionStart: prompt.length };
}

function toScore(
  { description }: ScoringVersion,
  members: readonly Member[],
  credit: AnswerCredit,
): MeasuredScore {
  const contributors = members.map(
    ({ contributorId, partyId }, i): Share => ({
      contributorId,
      partyId,
      influencePpb: Number(credit.membersPpb[i] ?? 0n),
      contextPpb: 0,
      basePpb: description.stakes[i]?.basePpb ?? 0,
    }),
  );
  return {
    status: 'scored',
    reason: '',
    contributors,
    baseModelPpb: Number(credit.baseModelPpb),
    reservePpb: Number(credit.reservePpb),
  };
}

/** The influence of every record, to the precision of the sketches. */
function recordScores({ index, description }: ScoringVersion, z: Float32Array): number[] {
  const query = new CountSketch(description.sketchSize, description.seed).of(z);
  return index.sketches.map((sketch) => dot(sketch, query));
}

/** The records whose training helped the answer most. */
function topRecords(model: VersionModel, scores: readonly number[]) {
  return scores
    .map((score, record) => ({ record, score }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .slice(0, TOP_RECORDS)
    .flatMap(({ record, score }) => {
      const { prompt = '', completion = '' } = model.records[record] ?? {};
      return cite(model, record).map((cited) => ({ ...cited, score, prompt, completion }));
    });
}

function cite({ records }: VersionModel, record: number) {
  const cited = records[record];
  return cited ? [{ recordId: cited.recordId, contributorId: cited.contributorId }] : [];
}

const sum = (values: Float32Array) => values.reduce((total, value) => total + value, 0);
const gains = (logs: { readonly base: Float32Array; readonly adapter: Float32Array }) =>
  logs.adapter.map((value, i) => value - (logs.base[i] ?? 0));
