import { encodeShard, SpanIndex, type SpanOptions } from '@openledger/attribution/engine';
import { DomainError } from '@openledger/kernel';
import { type Bench, type BenchContext, median, quantile } from '../bench.js';
import { parityOf } from './spans/parity.js';
import { InfiniGram } from './spans/peer.js';
import { documentsOf, madeAnswers, madeText } from './spans/text.js';

const TOKENS = 64_000_000;
const ANSWERS = 100;
/** The mean length of an answer in OLMoTrace's measurements. */
const ANSWER_TOKENS = 458;
const ROUNDS = 3;
const THREADS = 2;
const PARITY_QUERIES = 100_000;

/** What infini-gram can be asked for too: no test of chance, and spans however often they stand in the text. */
const comparable = {
  tokensMin: 4,
  chanceMax: Number.POSITIVE_INFINITY,
  occurrencesMax: 20_000,
  documentsMax: 20_000,
} as const satisfies SpanOptions;

/** Verbatim spans of answers in 64 M tokens of text, against infini-gram on the same tokens. */
export const attributionSpans: Bench = {
  name: 'attribution.spans',
  summary: `spans of ${ANSWER_TOKENS}-token answers in ${TOKENS / 1e6} M tokens, against infini-gram and brute force`,
  run: (context) => measureSpans(TOKENS, context),
};

/** The same on a text of another length, for machines with less time. */
export async function measureSpans(tokens: number, context: BenchContext): Promise<Record<string, unknown>> {
  const parity = parityOf(PARITY_QUERIES);
  context.log(`parity with brute force: ${parity}`);
  const text = madeText(tokens, 7);
  const documents = documentsOf(text, 8);
  const queries = madeAnswers(text, ANSWERS, ANSWER_TOKENS);
  const started = performance.now();
  const index = SpanIndex.build(documents);
  const buildMs = performance.now() - started;
  context.log(`built in ${(buildMs / 1000).toFixed(1)} s`);
  const peer = await peerOf(context, documents, queries);
  const { ours, comparableMs, theirs } = await timed(index, queries, peer);
  const figures = {
    p50_ms_64m: quantile(ours, 0.5),
    p95_ms_64m: quantile(ours, 0.95),
    build_mtok_s: tokens / 1e3 / buildMs,
    parity,
    bytes_per_token: bytesOf(index) / tokens,
    spans_per_answer: queries.reduce((sum, query) => sum + index.spansOf(query).length, 0) / ANSWERS,
    peak_mb: Math.round(process.resourceUsage().maxRSS / 1024),
    tokens,
    shards: index.shards.length,
  };
  if (peer === undefined) return figures;
  const agreement = await peer.agreement(expectedOf(index, queries));
  const peerBuildMs = await peer.buildMs();
  for (const [name, version] of Object.entries(await peer.end())) context.peer(name, version);
  return {
    ...figures,
    comparable_p50_ms: quantile(comparableMs, 0.5),
    comparable_p95_ms: quantile(comparableMs, 0.95),
    peer_p50_ms: quantile(theirs, 0.5),
    peer_p95_ms: quantile(theirs, 0.95),
    peer_build_mtok_s: tokens / 1e3 / peerBuildMs,
    peer_agreement: agreement,
    peer_threads: THREADS,
  };
}

async function peerOf(
  { log }: BenchContext,
  documents: Parameters<typeof InfiniGram.build>[0],
  queries: readonly number[][],
): Promise<InfiniGram | undefined> {
  const { tokensMin, occurrencesMax } = comparable;
  try {
    return await InfiniGram.build(documents, { queries, tokensMin, occurrencesMax, threads: THREADS });
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    log(`without infini-gram: ${error.message}`);
    return undefined;
  }
}

/** Medians of alternating rounds, for each query. */
async function timed(index: SpanIndex, queries: readonly number[][], peer: InfiniGram | undefined) {
  const rounds = queries.map(() => ({ ours: [] as number[], same: [] as number[], theirs: [] as number[] }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, query] of queries.entries()) {
      const { ours, same, theirs } = rounds[i] ?? { ours: [], same: [], theirs: [] };
      ours.push(millisecondsOf(() => index.spansOf(query)));
      if (peer === undefined) continue;
      theirs.push(await peer.find(i));
      same.push(millisecondsOf(() => index.spansOf(query, comparable)));
    }
  }
  return {
    ours: rounds.map(({ ours }) => median(ours)),
    comparableMs: rounds.map(({ same }) => median(same)),
    theirs: rounds.map(({ theirs }) => median(theirs)),
  };
}

function millisecondsOf(work: () => unknown): number {
  const started = performance.now();
  work();
  return performance.now() - started;
}

const expectedOf = (index: SpanIndex, queries: readonly number[][]) =>
  queries.map((query) =>
    index
      .spansOf(query, comparable)
      .filter(({ standing }) => standing !== 'boilerplate')
      .map(({ start, end, occurrences }) => [start, end, occurrences]),
  );

const bytesOf = (index: SpanIndex) =>
  index.shards.flatMap(({ shard }) => encodeShard(shard)).reduce((sum, { length }) => sum + length, 0);
