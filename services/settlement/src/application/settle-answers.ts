import { monthOf } from '../domain/month.js';
import type { Answer, Earning, Usage } from './answer-ports.js';
import { chargeAll } from './charge.js';
import { type Creditable, creditAll, type SplitRules } from './credit.js';
import type { PricedModel } from './metering-ports.js';
import type { SettlementTx } from './ports.js';

/** Answers of which something became known, their rows locked or not there yet. */
export interface Arrived {
  readonly unseen: readonly Answer[];
  readonly seen: readonly Answer[];
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
  arrived: Arrived,
  rules: SplitRules,
  now: Date,
): Promise<void> {
  const answers = [...arrived.unseen, ...arrived.seen];
  const models = await knownModels(tx, answers);
  // Before any account is locked: closing an epoch takes this lock first, too.
  const ledgerEpoch = answers.some(isComplete) ? await tx.epochs.open() : 0;
  const charges = await chargeAll(
    tx,
    answers.flatMap(({ served, charge }) => (served && !charge && models.has(served.modelId) ? served : [])),
    models,
    now,
  );
  const charged = (answer: Answer) => answer.charge ?? charges.byAnswer.get(answer.id);
  const creditable = answers.flatMap((answer) => creditableOf(answer, models, charged(answer)?.feeWei));
  const credits = await creditAll(tx, creditable, rules, { ledgerEpoch, now });

  const settled = (answer: Answer): Answer => {
    const charge = charged(answer);
    const credit = answer.credit ?? credits.byAnswer.get(answer.id);
    return { ...answer, ...(charge ? { charge } : {}), ...(credit ? { credit } : {}) };
  };
  await tx.answers.insert(arrived.unseen.map(settled));
  await tx.answers.complete(arrived.seen.map(settled));
  await tx.metering.saveDiscrepancies(charges.discrepancies);
  await tx.metering.endHolds(charges.endedHolds, 'posted');
  await tx.leases.chargeAll(charges.leases);
  await tx.answers.addUsage(usageOf(answers.map(settled).filter(({ id }) => charges.byAnswer.has(id))));
  await tx.answers.addEarnings(earningsOf(answers.map(settled).filter(({ id }) => credits.byAnswer.has(id))));
  await tx.ledger.post([...charges.transfers, ...credits.transfers]);
  await tx.emitAll(credits.events);
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

function usageOf(answers: readonly Answer[]): Usage[] {
  const sums = new Map<string, Usage>();
  for (const { served, charge } of answers) {
    if (!served || !charge) continue;
    const { organisationId, modelId, usage } = served;
    const month = firstDayOf(served.servedAt);
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
      feeWei: (sum?.feeWei ?? 0n) + charge.feeWei,
    });
  }
  return [...sums.values()];
}

function earningsOf(answers: readonly Answer[]): Earning[] {
  const sums = new Map<string, Earning>();
  for (const { served, credit } of answers) {
    if (!served || !credit) continue;
    const month = firstDayOf(credit.creditedAt);
    for (const { payeeId, role, amountWei } of credit.parts) {
      if (payeeId === '' || amountWei === 0n) continue;
      const key = `${payeeId}\n${month}\n${served.modelId}\n${role}`;
      const sum = sums.get(key);
      sums.set(key, {
        payeeId,
        role,
        modelId: served.modelId,
        month,
        answers: (sum?.answers ?? 0) + 1,
        amountWei: (sum?.amountWei ?? 0n) + amountWei,
      });
    }
  }
  return [...sums.values()];
}
