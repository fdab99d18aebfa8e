/** Earlier records that are compared with a new one at most: the rest share less with it. */
const CANDIDATES_MAX = 24;
/** A chance meeting of two texts on one anchor is common, on two it is not. */
const SHARED_ANCHORS_MIN = 2;

/** How often a new record's keys met one earlier record. */
export interface Meetings {
  bands: number;
  anchors: number;
  /** Sum over the keys met of what each is worth: the fewer records a key leads to, the more. */
  worth: number;
}

/**
 * Which earlier records are worth comparing, most promising first; equal ones in order of age, so that the
 * choice is the same on every run.
 */
export function promising(meetings: ReadonlyMap<number, Meetings>, anchorCount: number): number[] {
  const needed = Math.min(SHARED_ANCHORS_MIN, Math.ceil(anchorCount / 4));
  return [...meetings]
    .filter(([, met]) => met.bands > 0 || met.anchors >= needed)
    .sort(([a, x], [b, y]) => y.worth - x.worth || a - b)
    .slice(0, CANDIDATES_MAX)
    .map(([record]) => record);
}

/** Notes that a key of the given kind leads to these records. */
export function noteMeetings(
  meetings: Map<number, Meetings>,
  records: readonly number[],
  kind: 'bands' | 'anchors',
): void {
  const worth = 1 / Math.log2(1 + records.length);
  for (const record of records) {
    const met = meetings.get(record) ?? { bands: 0, anchors: 0, worth: 0 };
    met[kind]++;
    met.worth += worth;
    meetings.set(record, met);
  }
}
