import { countMeeting, type Meetings, promising } from './candidate-ranking.js';
import { type IndexKeys, POSTINGS_MAX } from './index-keys.js';

/** The records of one contribution that were accepted so far, by the keys they are found by. */
export class ContributionIndex {
  private readonly bands = new Map<number, number[]>();
  private readonly anchors = new Map<number, number[]>();

  add(record: number, keys: IndexKeys): void {
    for (const key of keys.bands) post(this.bands, key, record);
    for (const key of keys.anchors) post(this.anchors, key, record);
  }

  /** Earlier records worth comparing with one that has `keys`, most promising first. */
  candidates(keys: IndexKeys): number[] {
    const meetings = new Map<number, Meetings>();
    for (const key of keys.bands) {
      for (const record of this.bands.get(key) ?? []) countMeeting(meetings, record, 'band');
    }
    for (const key of keys.anchors) {
      for (const record of this.anchors.get(key) ?? []) countMeeting(meetings, record, 'anchor');
    }
    return promising(meetings, keys.anchors.length);
  }
}

function post(postings: Map<number, number[]>, key: number, record: number): void {
  const list = postings.get(key);
  if (list === undefined) postings.set(key, [record]);
  else if (list.length < POSTINGS_MAX) list.push(record);
}
