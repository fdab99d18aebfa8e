import { DomainError } from '@openledger/kernel';
import { type Corpus, findSpans, type SpanOptions, type TokenSpan } from './find-spans.js';
import { LiveShard } from './live-shard.js';
import {
  buildShard,
  documentAt,
  SHARD_DOCUMENTS_MAX,
  SHARD_TOKENS_MAX,
  type SpanDocument,
  tokensIn,
} from './shard.js';

/** Sizes of shards. Those of one tier are rebuilt into one of the next when there are `fanOut` of them. */
export interface TierSizes {
  /** Tokens of the smallest tier, which is rebuilt whole whenever something is appended. */
  readonly smallest: number;
  readonly fanOut: number;
  /** Shards of this many tokens stay as they are. */
  readonly largest: number;
}

const defaultTiers: TierSizes = { smallest: 1 << 20, fanOut: 8, largest: SHARD_TOKENS_MAX };

/** A shard with a larger part withdrawn is built again without it. */
const DEAD_SHARE_MAX = 0.2;

/**
 * Verbatim runs of answers in the texts of a model's training data. Immutable: appending and withdrawing give another
 * index that shares the shards that did not change (a log-structured merge tree; induced sorting is faster than
 * merging suffix arrays, so tiers are rebuilt). What it finds depends on the live documents alone, not on the order
 * in which they came or in which shards they lie.
 *
 * Memory: 6 bytes a token (8 above 65,535 distinct tokens in a shard) and 53 a document; while a shard is built 20 more
 * for each of its own tokens.
 */
export class SpanIndex {
  private corpus: Corpus | undefined;

  private constructor(
    readonly shards: readonly LiveShard[],
    readonly tiers: TierSizes,
  ) {}

  static build(documents: readonly SpanDocument[], tiers: TierSizes = defaultTiers): SpanIndex {
    return new SpanIndex([], tiers).append(documents);
  }

  /** An index of shards that were stored. */
  static of(shards: readonly LiveShard[], tiers: TierSizes = defaultTiers): SpanIndex {
    return new SpanIndex(shards, tiers);
  }

  /** @throws DomainError RECORD_INDEXED, DOCUMENT_TOO_LARGE, TOKEN_OUT_OF_RANGE, CONTENT_HASH_MALFORMED */
  append(documents: readonly SpanDocument[]): SpanIndex {
    if (documents.length === 0) return this;
    this.refuseKnown(documents);
    const isSmall = ({ shard }: LiveShard) => this.tierOf(shard.text.length) === 0;
    const pending = [...this.shards.filter(isSmall).flatMap(liveDocuments), ...documents];
    const kept = this.shards.filter((shard) => !isSmall(shard));
    return new SpanIndex(this.settle([...kept, ...this.built(pending)]), this.tiers);
  }

  /** Nothing of these records is found from now on; numbers that are not here change nothing. */
  withdraw(records: Iterable<number>): SpanIndex {
    const gone = new Set(records);
    const shards = this.shards.flatMap((live) => {
      const { shard, dead } = live;
      const known = new Set(dead);
      const added: number[] = [];
      for (const [at, record] of shard.records.entries()) {
        if (gone.has(record) && !known.has(at)) added.push(at);
      }
      if (added.length === 0) return [live];
      const next = new LiveShard(
        shard,
        [...dead, ...added].sort((a, b) => a - b),
      );
      return next.deadTokens > DEAD_SHARE_MAX * shard.text.length ? this.built(liveDocuments(next)) : [next];
    });
    return new SpanIndex(this.settle(shards), this.tiers);
  }

  spansOf(answer: ArrayLike<number>, options?: SpanOptions): TokenSpan[] {
    this.corpus ??= corpusOf(this.shards);
    return findSpans(this.corpus, answer, options);
  }

  /** The smallest tier whose size is not exceeded. */
  private tierOf(tokens: number): number {
    const { smallest, fanOut } = this.tiers;
    let tier = 0;
    for (let size = smallest; size < tokens; size *= fanOut) tier++;
    return tier;
  }

  /** Rebuilds tiers that are full, from the smallest up. */
  private settle(shards: readonly LiveShard[]): LiveShard[] {
    let settled = [...shards];
    const top = this.tierOf(this.tiers.largest);
    for (let tier = 0; tier < top; tier++) {
      const isHere = ({ shard }: LiveShard) => this.tierOf(shard.text.length) === tier;
      const here = settled.filter(isHere);
      if (here.length < this.tiers.fanOut) continue;
      const kept = settled.filter((shard) => !isHere(shard));
      settled = [...kept, ...this.built(here.flatMap(liveDocuments))];
    }
    return settled;
  }

  /** In as few shards as their size allows. */
  private built(documents: readonly SpanDocument[]): LiveShard[] {
    const groups: SpanDocument[][] = [];
    let tokens = 0;
    for (const document of documents) {
      const size = tokensIn([document]);
      const group = groups.at(-1);
      const isFull = tokens + size > this.tiers.largest || group?.length === SHARD_DOCUMENTS_MAX;
      if (group === undefined || isFull) {
        groups.push([document]);
        tokens = size;
      } else {
        group.push(document);
        tokens += size;
      }
    }
    return groups.map((group) => new LiveShard(buildShard(group)));
  }

  private refuseKnown(documents: readonly SpanDocument[]): void {
    const added = new Set<number>();
    const refuse = (record: number) => {
      throw new DomainError('conflict', 'RECORD_INDEXED', `The span index has record ${record} already.`);
    };
    for (const { record } of documents) {
      if (added.has(record)) refuse(record);
      added.add(record);
    }
    for (const { shard, dead } of this.shards) {
      const gone = new Set(dead);
      for (const [at, record] of shard.records.entries()) {
        if (added.has(record) && !gone.has(at)) refuse(record);
      }
    }
  }
}

function liveDocuments({ shard, dead }: LiveShard): SpanDocument[] {
  const gone = new Set(dead);
  const live = Array.from(shard.records.keys()).filter((at) => !gone.has(at));
  return live.map((at) => documentAt(shard, at));
}

function corpusOf(shards: readonly LiveShard[]): Corpus {
  const counts = new Map<number, number>();
  const add = (token: number, count: number) => counts.set(token, (counts.get(token) ?? 0) + count);
  for (const { shard, dead } of shards) {
    const { alphabet, firsts } = shard;
    for (const [i, token] of alphabet.entries()) add(token, (firsts[i + 2] ?? 0) - (firsts[i + 1] ?? 0));
    for (const at of dead) for (const token of Array.from(documentAt(shard, at).tokens)) add(token, -1);
  }
  const tokens = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return {
    shards,
    logTokens: Math.log(tokens),
    logCounts: new Map([...counts].map(([token, count]) => [token, Math.log(count)])),
  };
}
