import { contentHash } from '../../domain/retrieval/chunk-content.js';
import { answerPositions } from '../../domain/spans/answer-bounds.js';
import type { TokenSpan } from '../../domain/spans/find-spans.js';
import type { SpanDocument } from '../../domain/spans/shard.js';
import { spanCredits, spanGain } from '../../domain/spans/span-credits.js';
import { SpanIndex } from '../../domain/spans/span-index.js';
import { answerText } from './answer-text.js';
import type { VersionModel } from './version-model.js';

type LineageRecords = VersionModel['records'];

/** A span as readers see it; positions are Unicode code points of the text, end exclusive. */
export interface ShownSpan {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly records: readonly { readonly recordId: string; readonly contributorId: string }[];
  /** What the adapter added on it, nats. */
  readonly nats: number;
  /** Why it earns its holders something or not. */
  readonly standing: TokenSpan['standing'];
}

export interface AnswerSpans {
  readonly text: string;
  readonly spans: readonly ShownSpan[];
  /** What each party's spans are worth. */
  readonly nats: ReadonlyMap<string, number>;
}

/** Records of a span that readers see; all of them count. */
const SHOWN_RECORDS_MAX = 20;

/** The numbers of owners in the index: their places among all contributors' ids in order. */
export const ownersOf = (records: LineageRecords): string[] =>
  [...new Set(records.map(({ contributorId }) => contributorId))].sort();

/**
 * Indexes the completions of a version's records, which are numbered as in its lineage.
 *
 * @param registered when each record was registered, any unit; absent: the lineage is in order of registration
 */
export function completionSpans(model: VersionModel, registered?: ArrayLike<number>): SpanIndex {
  const owners = new Map(ownersOf(model.records).map((id, i) => [id, i]));
  return SpanIndex.build(
    model.records.map(
      (record, i): SpanDocument => ({
        record: i,
        owner: owners.get(record.contributorId) ?? 0,
        contentHash: contentHash(record.completion),
        registered: registered?.[i] ?? i,
        tokens: completionTokens(model, record),
      }),
    ),
  );
}

/**
 * What of an answer stands word for word in the records, whose it is, and what it is worth.
 *
 * @param gains log p(token | adapter) − log p(token | base), per token of the answer
 */
export function answerSpans(
  { model, spans }: { readonly model: VersionModel; readonly spans: SpanIndex },
  tokens: readonly number[],
  gains: ArrayLike<number>,
  partyOf: (contributorId: string) => string,
): AnswerSpans {
  const { text, offsets } = answerText(model.base.tokenizer.incrementalDecoder(), tokens);
  const bounds = answerPositions(text, offsets);
  const owners = ownersOf(model.records);
  const found = spans.spansOf(tokens, { bounds, partyOf: (owner) => partyOf(owners[owner] ?? '') });
  const shown = found.map((span): ShownSpan => {
    const { start, end, records, standing } = span;
    return {
      start: bounds.codePoints[start] ?? 0,
      end: bounds.codePoints[end] ?? 0,
      text: text.slice(offsets[start], offsets[end]),
      records: records.slice(0, SHOWN_RECORDS_MAX).flatMap((i) => cited(model.records, i)),
      nats: spanGain(span, gains),
      standing,
    };
  });
  return { text, spans: shown, nats: spanCredits(found, gains) };
}

/** Without the end token, which every record has and no answer shows. */
function completionTokens(model: VersionModel, record: LineageRecords[number]): Int32Array {
  const { tokens, completionStart } = model.tokensOf(record);
  const completion = Int32Array.from(tokens).subarray(completionStart);
  const last = completion.at(-1);
  const isEnd = last !== undefined && model.base.generation.eosTokenIds.includes(last);
  return isEnd ? completion.subarray(0, -1) : completion;
}

function cited(records: LineageRecords, at: number): ShownSpan['records'] {
  const record = records[at];
  return record ? [{ recordId: record.recordId, contributorId: record.contributorId }] : [];
}
