import { toPpb } from '@openledger/kernel';

/** One record that the adapter was trained on. */
export interface LineageRecord {
  readonly recordId: string;
  readonly contributorId: string;
  readonly contributionId: string;
  /** Completion tokens learnt from. */
  readonly tokens: number;
  /** 0…1, by validation. */
  readonly quality: number;
  readonly prompt: string;
  readonly completion: string;
}

/** What somebody put into a model version. */
export interface Stake {
  readonly contributorId: string;
  readonly records: number;
  readonly tokens: number;
  /** Share of the quality-weighted tokens; all stakes of a version sum to one billion. */
  readonly basePpb: number;
}

/** The stakes of all contributors, in order of their ids. */
export function stakesOf(records: readonly LineageRecord[]): Stake[] {
  const ids = [...new Set(records.map(({ contributorId }) => contributorId))].sort();
  const sums = new Map(ids.map((id) => [id, { records: 0, tokens: 0, weighted: 0 }]));
  for (const { contributorId, tokens, quality } of records) {
    const sum = sums.get(contributorId);
    if (!sum) continue;
    sum.records += 1;
    sum.tokens += tokens;
    sum.weighted += tokens * quality;
  }
  const all = [...sums.values()];
  const anyQuality = all.some(({ weighted }) => weighted > 0);
  const shares = toPpb(all.map(({ weighted, tokens }) => (anyQuality ? weighted : tokens)));
  return [...sums].map(([contributorId, { records: count, tokens }], i) => ({
    contributorId,
    records: count,
    tokens,
    basePpb: Number(shares[i] ?? 0n),
  }));
}
