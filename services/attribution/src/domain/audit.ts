import { PPB } from '@openledger/kernel';
import { shuffled } from './decoys.js';

/**
 * However well the audit goes: it measures the scores against this model, while the truth itself, found
 * by retraining without the data, agrees with itself under another seed only to about this (0.70 and
 * 0.60 in a short and a long fine-tune of a small transformer).
 */
const RELIABILITY_MAX = 0.7;

/**
 * Groups of records to audit: one of each contributor, the largest first, then random halves of theirs
 * while there is room, so that a version of one contributor is audited too.
 */
export function auditGroups(owners: readonly string[], groupsMax: number, random: () => number): number[][] {
  const byOwner = [...recordsByOwner(owners).values()].sort((a, b) => b.length - a.length);
  const groups = byOwner.slice(0, groupsMax);
  const divisible = byOwner.filter((records) => records.length > 1);
  for (let i = 0; divisible.length > 0 && groups.length < groupsMax; i++) {
    const records = divisible[i % divisible.length] ?? [];
    groups.push(shuffled(records, random).slice(0, Math.ceil(records.length / 2)));
  }
  return groups;
}

/** Records to ask about in the audit, taken from the contributors in turn. */
export function auditQueries(owners: readonly string[], queriesMax: number, random: () => number): number[] {
  const lists = [...recordsByOwner(owners).values()].map((records) => shuffled(records, random));
  const queries: number[] = [];
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  for (let turn = 0; turn < longest; turn++) {
    for (const list of lists) {
      const record = list[turn];
      if (record !== undefined && queries.length < queriesMax) queries.push(record);
    }
  }
  return queries;
}

/** Pearson's r; 0 where one side does not vary. */
export function pearson(one: readonly number[], two: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanOne, meanTwo] = [mean(one), mean(two)];
  let [both, squareOne, squareTwo] = [0, 0, 0];
  for (const [i, value] of one.entries()) {
    const [a, b] = [value - meanOne, (two[i] ?? 0) - meanTwo];
    both += a * b;
    squareOne += a * a;
    squareTwo += b * b;
  }
  const scale = Math.sqrt(squareOne * squareTwo);
  return scale > 0 ? both / scale : 0;
}

/**
 * The share of the measured loss changes' variance that the predicted ones explain, r², capped; nothing
 * where they disagree in sign. Parts per billion.
 */
export function reliabilityPpb(predicted: readonly number[], measured: readonly number[]): number {
  const r = Math.max(0, pearson(predicted, measured));
  return Math.round(Math.min(r * r, RELIABILITY_MAX) * Number(PPB));
}

function recordsByOwner(owners: readonly string[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const [record, owner] of owners.entries()) {
    const group = groups.get(owner);
    if (group) group.push(record);
    else groups.set(owner, [record]);
  }
  return groups;
}
