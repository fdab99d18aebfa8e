import { invariant } from '@openledger/kernel';

/** Words share a counter when they hash alike; a shared counter only makes a word look more common. */
const COUNTERS_LOG2 = 17;
const COUNTERS = 1 << COUNTERS_LOG2;

/**
 * Before there is data, function words count as if {@link PRIOR_TEXTS} texts had held them, so that the
 * first records of a Datanet are not judged by `the` and `of`.
 */
const PRIOR_TEXTS = 30;

/** A word that this share of a Datanet's texts holds, and at least so many of them, is boilerplate. */
const BOILERPLATE_SHARE = 0.05;
const BOILERPLATE_TEXTS_MIN = 10;

/**
 * In how many texts each word occurs, in fixed space: what most texts of a Datanet share (a template, a
 * disclaimer) weighs next to nothing when two of them are compared.
 */
export class TermStatistics {
  private constructor(
    private readonly counters: Uint32Array,
    private texts: number,
  ) {}

  static empty(): TermStatistics {
    return new TermStatistics(new Uint32Array(COUNTERS), 0);
  }

  /** Takes over what {@link toBytes} gave. */
  static fromBytes(bytes: Uint8Array, texts: number): TermStatistics {
    invariant(bytes.byteLength === COUNTERS * 4, 'the counters have their size');
    const counters = new Uint32Array(COUNTERS);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < COUNTERS; i++) counters[i] = view.getUint32(i * 4, true);
    return new TermStatistics(counters, texts);
  }

  /** Little-endian, so that it means the same on every machine. */
  toBytes(): Uint8Array {
    const view = new DataView(new ArrayBuffer(COUNTERS * 4));
    for (let i = 0; i < COUNTERS; i++) view.setUint32(i * 4, this.counters[i] ?? 0, true);
    return new Uint8Array(view.buffer);
  }

  get textCount(): number {
    return this.texts;
  }

  copy(): TermStatistics {
    return new TermStatistics(this.counters.slice(), this.texts);
  }

  /** Counts one text, given its distinct words. */
  add(distinctWordHashes: Iterable<number>): void {
    this.texts++;
    for (const hash of distinctWordHashes) {
      const at = hash >>> (32 - COUNTERS_LOG2);
      this.counters[at] = (this.counters[at] ?? 0) + 1;
    }
  }

  /** Inverse document frequency, smoothed: ln(1 + N/df). Positive, and the same for the same counts. */
  weight(hash: number, functionWord: boolean): number {
    const prior = functionWord ? PRIOR_TEXTS : 0;
    return this.weightAt(Math.max(1, this.counters[hash >>> (32 - COUNTERS_LOG2)] ?? 0) + prior);
  }

  /** What a word weighs that is just common enough to be boilerplate; a distinctive word weighs more. */
  get boilerplateWeight(): number {
    return this.weightAt(Math.max(BOILERPLATE_TEXTS_MIN, BOILERPLATE_SHARE * this.texts));
  }

  private weightAt(frequency: number): number {
    return Math.log(1 + (this.texts + PRIOR_TEXTS) / frequency);
  }
}
