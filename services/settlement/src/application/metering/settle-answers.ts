import { monthOf } from '../../domain/billing/month.js';
import { refusalOf } from '../../domain/ledger/refusal.js';
import type { Transfer } from '../../domain/ledger/transfer.js';
import { isDone } from '../../domain/ledger/transfer-result.js';
import { knownServedAt } from '../../domain/metering/known-served-at.js';
import type { SettlementTx } from '../ports.js';
import type { Answer, Charge, Usage } from './answer-ports.js';
import { chargeAll } from './charge.js';
import { type Creditable, creditAll, type SplitRules } from './credit.js';
import type { PricedModel, ServedRequest } from './metering-ports.js';

/** An answer of which something became known. */
export interface Arrival {
  /** All of it. */
  readonly answer: Answer;
  /** What is new about it. */
  readonly news: Answer;
  /** It has a row, which is locked. */
  readonly stored: boolean;
}

/**
 * Takes answers as far as what has arrived allows: served and priced, their fees go to clearing; also scored, the fees are
 * split. Events may come in any order, so every handler ends here. All that a batch comes to is worked out first and then
 * written set by set: rows, sums for statements, transfers, events.
 *
 * I6: clearing stands at the fees of answers that are charged and not credited yet.
 */
export async function settleAnswers(
  tx: SettlementTx,
  arrivals: readonly Arrival[],
  rules: SplitRules,
  now: Date,
): Promise<void> {
  const answers = arrivals.map(({ answer }) => answer);
  const models = await knownModels(tx, answers);
  // Before any account is locked: closing an epoch takes this lock first, too.
  const ledgerEpoch = answers.some(isComplete) ? await tx.epochs.open() : 0;
  const chargeable = answers.flatMap(({ served, charge }) =>
    served && !charge && models.has(served.modelId) ? served : [],
  );
  const charges = await chargeAll(tx, chargeable, models, now);
  const creditable = answers.flatMap((answer) => {
    const { feeWei } = answer.charge ?? charges.byAnswer.get(answer.id) ?? {};
    return creditableOf(answer, models, feeWei);
  });
  const credits = await creditAll(tx, creditable, rules, { ledgerEpoch, now });

  const withMoney = (answer: Answer): Answer => {
    const charge = charges.byAnswer.get(answer.id);
    const credit = credits.byAnswer.get(answer.id);
    return { ...answer, ...(charge ? { charge } : {}), ...(credit ? { credit } : {}) };
  };
  await tx.answers.insert(arrivals.flatMap(({ answer, stored }) => (stored ? [] : withMoney(answer))));
  await tx.answers.complete(arrivals.flatMap(({ news, stored }) => (stored ? withMoney(news) : [])));
  await tx.metering.saveDiscrepancies(charges.discrepancies);
  await tx.metering.endHolds(charges.endedHolds, 'posted');
  await tx.emitAll(credits.events);
  await tx.leases.chargeAll(charges.leases);
  if (credits.batchId !== undefined) await tx.answers.queueEarnings(credits.batchId);
  // Last, because sums and accounts are shared with every other batch and stay locked from here to the commit.
  await tx.answers.addUsage(usageOf(chargeable, charges.byAnswer, now));
  await post(tx, [...charges.transfers, ...credits.transfers]);
}

const TRANSFERS_MAX = 10_000;

/** None is ever refused: payers' accounts were read under lock, and clearing has what leaves it. */
async function post(tx: SettlementTx, transfers: readonly Transfer[]): Promise<void> {
  for (let at = 0; at < transfers.length; at += TRANSFERS_MAX) {
    const results = await tx.ledger.submit(transfers.slice(at, at + TRANSFERS_MAX));
    const refused = results.find((result) => !isDone(result));
    if (refused) throw refusalOf(refused);
  }
}

const isComplete = ({ served, scored, credit }: Answer): boolean =>
  served !== undefined && scored !== undefined && credit === undefined;

function creditableOf(
  answer: Answer,
  models: ReadonlyMap<string, PricedModel>,
  feeWei: bigint | undefined,
): Creditable[] {
  const { served, scored } = answer;
  const model = models.get(served?.modelId ?? '');
  if (!isComplete(answer) || !served || !scored || !model || feeWei === undefined) return [];
  return [{ served, scored, model, feeWei }];
}

/** Looks twice for a model, the second time with it locked, so that its deployment cannot slip in between unseen. */
async function knownModels(
  tx: SettlementTx,
  answers: readonly Answer[],
): Promise<ReadonlyMap<string, PricedModel>> {
  const ids = [
    ...new Set(answers.flatMap(({ served, credit }) => (served && !credit ? served.modelId : []))),
  ];
  if (ids.length === 0) return new Map();
  const known = await tx.metering.models(ids);
  const unknown = ids.filter((id) => !known.has(id)).toSorted();
  if (unknown.length === 0) return known;
  for (const id of unknown) await tx.metering.lockModel(id);
  return new Map([...known, ...(await tx.metering.models(unknown))]);
}

const firstDayOf = (time: Date): string => `${monthOf(time)}-01`;

function usageOf(
  charged: readonly ServedRequest[],
  charges: ReadonlyMap<string, Charge>,
  now: Date,
): Usage[] {
  const sums = new Map<string, Usage>();
  for (const { id, organisationId, modelId, usage, servedAt } of charged) {
    const month = firstDayOf(knownServedAt(servedAt, now));
    const key = `${organisationId}\n${month}\n${modelId}`;
    const sum = sums.get(key);
    sums.set(key, {
      organisationId,
      modelId,
      month,
      requests: (sum?.requests ?? 0) + 1,
      promptTokens: (sum?.promptTokens ?? 0) + usage.promptTokens,
      cachedTokens: (sum?.cachedTokens ?? 0) + (usage.cachedTokens ?? 0),
      completionTokens: (sum?.completionTokens ?? 0) + usage.completionTokens,
      feeWei: (sum?.feeWei ?? 0n) + (charges.get(id)?.feeWei ?? 0n),
    });
  }
  return [...sums.values()];
}
