import { DomainError } from '@openledger/kernel';
import type { AnswerOrder, Evidence } from '../../application/ports.js';
import { receiptRule } from '../../domain/credit/receipt-rule.js';
import { RECEIPT_FORMAT, type ScoreReceipt, writeQuery } from '../../domain/receipt.js';
import { type Player, playersOf } from '../../domain/retrieval/players.js';
import { type AnswerWithContext, chunksOf } from './answer-context.js';
import { type AnswerSpans, answerSpans, withoutRecords } from './answer-spans.js';
import { type AnswerVector, measureAnswer } from './measure-answer.js';
import { type ContextCredits, contextCredits } from './retrieval-scores.js';
import { reasonsOf } from './score-reasons.js';
import type { ScoringVersion } from './scoring-version.js';

const TOP_RECORDS = 10;

/** Everything that the arithmetic says of an answer. */
export interface ScoredEvidence {
  readonly evidence: Evidence;
  readonly receipt: ScoreReceipt;
}

/** Everything that was measured. */
interface Measured {
  readonly vector: AnswerVector;
  readonly context: ContextCredits;
  readonly players: readonly Player[];
  readonly spans: AnswerSpans;
}

/**
 * Who explains the answer. Depends on the order and what it names alone.
 *
 * @throws DomainError EMPTY_ANSWER, NOT_FINITE, ZERO_GRADIENT, CONTEXT_RANGES_INVALID
 */
export async function scoreAnswer(
  version: ScoringVersion,
  order: AnswerOrder,
  answer: AnswerWithContext,
  codeVersion: string,
): Promise<ScoredEvidence> {
  const { model } = version;
  if (answer.completionTokens.length === 0) {
    throw new DomainError(
      'precondition',
      'EMPTY_ANSWER',
      'The answer has no tokens, so nothing explains it.',
    );
  }
  const withdrawn = new Set(order.withdrawn);
  const players = playersOf(chunksOf(model.base.tokenizer, answer, order.chunkOwners));
  const context = await contextCredits(await model.answerScorer(), answer, players);
  const vector = await measureAnswer(version, answer, withdrawn);
  const taken = model.records.flatMap(({ contributionId }, at) =>
    withdrawn.has(contributionId) ? [at] : [],
  );
  const spans = answerSpans(
    { model, spans: taken.length > 0 ? withoutRecords(version.spans, taken) : version.spans },
    answer.completionTokens,
    context.byToken.adapter.map((value, i) => value - (context.byToken.base[i] ?? 0)),
    (id) => order.parties.get(id) ?? id,
  );
  const measured = { vector, context, players, spans };
  const receipt = receiptOf(version, { order, measured, codeVersion });
  return { receipt, evidence: shownEvidence(version, { measured, withdrawn, result: receipt.result }) };
}

/** Numbers stand as decimal strings, which read back to the same bits. */
function receiptOf(
  { description }: ScoringVersion,
  given: { readonly order: AnswerOrder; readonly measured: Measured; readonly codeVersion: string },
): ScoreReceipt {
  const { order, codeVersion, measured } = given;
  const { vector, context, players, spans } = measured;
  const decided: Omit<ScoreReceipt, 'result'> = {
    format: RECEIPT_FORMAT,
    codeVersion,
    inputs: {
      requestId: order.requestId,
      adapterDigest: description.adapterDigest,
      baseDigest: description.baseDigest,
      tokensBlob: order.tokensBlob,
      indexDigest: order.indexDigest,
      indexRoot: description.root,
      parties: Object.fromEntries(order.parties),
      withdrawn: [...order.withdrawn].sort(),
      chunkOwners: Object.fromEntries(
        [...order.chunkOwners].map(([id, { acceptedAt, withdrawnAt, ...owner }]) => [
          id,
          {
            ...owner,
            acceptedAt: acceptedAt.toISOString(),
            ...(withdrawnAt && { withdrawnAt: withdrawnAt.toISOString() }),
          },
        ]),
      ),
      reliability: order.reliability,
    },
    measured: {
      query: writeQuery(vector.query.values, vector.query.scale),
      groups: vector.groups,
      records: vector.records,
      decoys: vector.decoys.map(String),
      noise: String(vector.noise),
      kappa: String(description.kappa),
      logLikelihoods: Object.fromEntries(
        Object.entries(context.likelihoods).map(([name, value]) => [name, String(value)]),
      ),
      spanNats: Object.fromEntries([...spans.nats].map(([id, nats]) => [id, String(nats)])),
      chunks: players.map(({ owner }, i) => ({
        contributorId: owner?.contributorId ?? '',
        nats: String(context.players[i]?.value ?? 0),
        standardError: String(context.players[i]?.standardError ?? 0),
      })),
    },
  };
  const { root, stakes } = description;
  return { ...decided, result: receiptRule(decided, { root, stakes, sumOf: () => undefined }) };
}

function shownEvidence(
  version: ScoringVersion,
  given: {
    readonly measured: Measured;
    readonly withdrawn: ReadonlySet<string>;
    readonly result: ScoreReceipt['result'];
  },
): Evidence {
  const { measured, withdrawn, result } = given;
  const { vector, context, players, spans } = measured;
  const { text, spans: shownSpans } = spans;
  return {
    text,
    spans: shownSpans,
    topRecords: topRecords(version, vector.scores, withdrawn),
    ...(players.length > 0 && {
      chunks: players.map(({ owner }, i) => ({
        recordId: owner?.recordId ?? '',
        contributorId: owner?.contributorId ?? '',
        nats: context.players[i]?.value ?? 0,
        standardError: context.players[i]?.standardError ?? 0,
      })),
    }),
    reasons: reasonsOf(version, { scores: vector.scores, withdrawn, result }),
  };
}

/** The records whose training helped the answer most. */
function topRecords(
  { model, index }: ScoringVersion,
  scores: Float64Array,
  withdrawn: ReadonlySet<string>,
): Evidence['topRecords'] {
  const helpful = [...scores.keys()].filter((row) => (scores[row] ?? 0) > 0);
  const ranked = helpful.sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
  const shown: Evidence['topRecords'][number][] = [];
  for (const row of ranked) {
    const record = model.records[index.vectors.records[row] ?? -1];
    if (!record || withdrawn.has(record.contributionId)) continue;
    const { recordId, contributorId, prompt, completion } = record;
    shown.push({ recordId, contributorId, score: scores[row] ?? 0, prompt, completion });
    if (shown.length === TOP_RECORDS) break;
  }
  return shown;
}
