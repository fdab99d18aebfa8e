import { type Meetings, noteMeetings, promising } from './candidate-ranking.js';
import { type IndexKeys, POSTINGS_MAX } from './index-keys.js';

/** The texts of one contribution that are known so far, by the keys they are found by. */
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
    for (const key of keys.bands) noteMeetings(meetings, this.bands.get(key) ?? [], 'bands');
    for (const key of keys.anchors) noteMeetings(meetings, this.anchors.get(key) ?? [], 'anchors');
    return promising(meetings, keys.anchors.length);
  }
}

function post(postings: Map<number, number[]>, key: number, record: number): void {
  const list = postings.get(key);
  if (list === undefined) postings.set(key, [record]);
  else if (list.length < POSTINGS_MAX) list.push(record);
}
