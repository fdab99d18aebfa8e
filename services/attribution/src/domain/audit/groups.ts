import { shuffled } from '../shuffled.js';

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

/** The records of each owner, in order of first appearance. */
export function recordsByOwner(owners: readonly string[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const [record, owner] of owners.entries()) {
    const group = groups.get(owner);
    if (group) group.push(record);
    else groups.set(owner, [record]);
  }
  return groups;
}
