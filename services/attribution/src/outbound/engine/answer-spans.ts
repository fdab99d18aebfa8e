import type { TextTokenizer } from '@openledger/transformer';
import type { SpanStanding } from '../../application/ports.js';
import type { LineageRecord } from '../../domain/lineage.js';
import { contentHash } from '../../domain/retrieval/chunk-content.js';
import { answerPositions } from '../../domain/spans/answer-bounds.js';
import { withCopiesMarked } from '../../domain/spans/copies.js';
import type { TokenSpan } from '../../domain/spans/find-spans.js';
import { type SpanDocument, tokensIn } from '../../domain/spans/shard.js';
import { spanCredits, spanGain } from '../../domain/spans/span-credits.js';
import { SpanIndex } from '../../domain/spans/span-index.js';
import { TokenFolding } from '../../domain/spans/token-folding.js';
import { answerText } from './answer-text.js';

/** What is read of a version: what its records say, in tokens. */
export interface CompletionModel {
  readonly records: readonly LineageRecord[];
  readonly base: {
    readonly tokenizer: Pick<TextTokenizer, 'decode' | 'incrementalDecoder'>;
    readonly generation: { readonly eosTokenIds: readonly number[] };
  };
  tokensOf(record: LineageRecord): { readonly tokens: ArrayLike<number>; readonly completionStart: number };
}

/** A span as readers see it; positions are Unicode code points of the text, end exclusive. */
export interface ShownSpan {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly records: readonly { readonly recordId: string; readonly contributorId: string }[];
  /** What the adapter added on it, nats. */
  readonly nats: number;
  /** Why it earns its holders something or not; what only reads alike is shown and earns nothing. */
  readonly standing: SpanStanding;
}

export interface AnswerSpans {
  readonly text: string;
  readonly spans: readonly ShownSpan[];
  /** What each party's spans are worth. */
  readonly nats: ReadonlyMap<string, number>;
}

/** The verbatim index of a version's completions. */
export interface CompletionSpans {
  readonly exact: SpanIndex;
  /** Of the same completions without regard to case and the like. */
  readonly alike?: { readonly index: SpanIndex; readonly folding: TokenFolding };
}

/** Completion tokens up to which the second index is kept: 25 MB. */
const ALIKE_TOKENS_MAX = 1 << 22;

/** Records of a span that readers see; all of them count. */
const SHOWN_RECORDS_MAX = 20;

/** The numbers of owners in the index: their places among all contributors' ids in order. */
const ownersOf = (records: readonly LineageRecord[]): string[] =>
  [...new Set(records.map(({ contributorId }) => contributorId))].sort();

/**
 * Indexes the completions of a version's records, which are numbered as in its lineage.
 *
 * @param registered when each record was registered, any unit; absent: the lineage is in order of registration
 */
export function completionSpans(model: CompletionModel, registered?: ArrayLike<number>): CompletionSpans {
  const owners = new Map(ownersOf(model.records).map((id, i) => [id, i]));
  const all = model.records.map(
    (record, i): SpanDocument => ({
      record: i,
      owner: owners.get(record.contributorId) ?? 0,
      contentHash: contentHash(record.completion),
      registered: registered?.[i] ?? i,
      tokens: completionTokens(model, record),
    }),
  );
  const documents = withCopiesMarked(all);
  const exact = SpanIndex.build(documents);
  if (tokensIn(documents) > ALIKE_TOKENS_MAX) return { exact };
  const folding = new TokenFolding((token) => model.base.tokenizer.decode([token]));
  const alike = documents.map((document) => ({ ...document, tokens: folding.fold(document.tokens) }));
  return { exact, alike: { folding, index: SpanIndex.build(alike) } };
}

/** Without records that were withdrawn, by their numbers in the lineage. */
export function withoutRecords(
  { exact, alike }: CompletionSpans,
  records: readonly number[],
): CompletionSpans {
  const left = exact.withdraw(records);
  return alike ? { exact: left, alike: { ...alike, index: alike.index.withdraw(records) } } : { exact: left };
}

/**
 * What of an answer stands word for word in the records, whose it is, and what it is worth.
 *
 * @param gains log p(token | adapter) − log p(token | base), per token of the answer
 */
export function answerSpans(
  { model, spans }: { readonly model: CompletionModel; readonly spans: CompletionSpans },
  tokens: readonly number[],
  gains: ArrayLike<number>,
  partyOf: (contributorId: string) => string,
): AnswerSpans {
  const { text, offsets } = answerText(model.base.tokenizer.incrementalDecoder(), tokens);
  const bounds = answerPositions(text, offsets);
  const owners = ownersOf(model.records);
  const options = { bounds, partyOf: (owner: number) => partyOf(owners[owner] ?? '') };
  const exact = spans.exact.spansOf(tokens, options);
  const shown = (span: TokenSpan, standing: ShownSpan['standing']): ShownSpan => {
    const { start, end, records } = span;
    return {
      start: bounds.codePoints[start] ?? 0,
      end: bounds.codePoints[end] ?? 0,
      text: text.slice(offsets[start], offsets[end]),
      records: records.slice(0, SHOWN_RECORDS_MAX).flatMap((i) => cited(model.records, i)),
      nats: spanGain(span, gains),
      standing,
    };
  };
  const alike = spans.alike?.index.spansOf(spans.alike.folding.fold(tokens), options) ?? [];
  const longer = alike.filter(({ start, end }) => !exact.some((one) => one.start <= start && end <= one.end));
  return {
    text,
    spans: [
      ...exact.map((span) => shown(span, span.standing)),
      ...longer.map((span) => shown(span, 'alike')),
    ],
    nats: spanCredits(exact, gains),
  };
}

/** Without the end token, which every record has and no answer shows. */
function completionTokens(model: CompletionModel, record: LineageRecord): Int32Array {
  const { tokens, completionStart } = model.tokensOf(record);
  const completion = Int32Array.from(tokens).subarray(completionStart);
  const last = completion.at(-1);
  const isEnd = last !== undefined && model.base.generation.eosTokenIds.includes(last);
  return isEnd ? completion.subarray(0, -1) : completion;
}

function cited(records: readonly LineageRecord[], at: number): ShownSpan['records'] {
  const record = records[at];
  return record ? [{ recordId: record.recordId, contributorId: record.contributorId }] : [];
}
