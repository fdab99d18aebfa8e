/** Earlier records that are compared with a new one at most: the rest share less with it. */
export const CANDIDATES_MAX = 24;
/** A chance meeting of two texts on one anchor is common, on two it is not. */
const SHARED_ANCHORS_MIN = 2;

/** How often a new record's keys met one earlier record. */
export interface Meetings {
  bands: number;
  anchors: number;
}

/**
 * Which earlier records are worth comparing, most promising first; equal ones in order of age, so that the
 * choice is the same on every run.
 */
export function promising<K extends number>(
  meetings: ReadonlyMap<K, Meetings>,
  anchorCount: number,
): K[] {
  const needed = Math.min(SHARED_ANCHORS_MIN, Math.ceil(anchorCount / 4));
  return [...meetings]
    .filter(([, met]) => met.bands > 0 || met.anchors >= needed)
    .sort(([a, x], [b, y]) => strength(y) - strength(x) || a - b)
    .slice(0, CANDIDATES_MAX)
    .map(([key]) => key);
}

const strength = ({ bands, anchors }: Meetings): number => 2 * bands + anchors;

export function countMeeting<K extends number>(
  meetings: Map<K, Meetings>,
  key: K,
  kind: 'band' | 'anchor',
): void {
  const met = meetings.get(key) ?? { bands: 0, anchors: 0 };
  if (kind === 'band') met.bands++;
  else met.anchors++;
  meetings.set(key, met);
}
