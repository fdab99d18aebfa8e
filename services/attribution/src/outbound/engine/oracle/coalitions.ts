import { shapleyValues } from '../../../domain/audit/shapley.js';
import type { Retrainer } from './retrainer.js';

export interface CoalitionLimits {
  /** Retrains are begun before this instant only, in the time of `performance.now`. */
  readonly deadline: number;
  readonly signal?: AbortSignal;
  /** Told after each retrain. */
  readonly onRetrain?: () => void;
}

/** Retrains without this or that group of examples. */
export class Coalitions {
  /** Losses of the queries, by the bits of the groups that took part. */
  private readonly known = new Map<number, Float64Array>();

  constructor(
    private readonly retrainer: Retrainer,
    private readonly groups: readonly (readonly number[])[],
    private readonly limits: CoalitionLimits,
  ) {}

  /** What each group takes off each query's loss when it comes last; groups that time is left for. */
  async leaveOneOut(): Promise<{ readonly groups: number[]; readonly removed: number[][] }> {
    const everybody = this.groups.map(() => true);
    const full = await this.losses(everybody);
    const removed = Array.from(full, (): number[] => []);
    const measured: number[] = [];
    for (const group of this.groups.keys()) {
      if (this.isLate()) break;
      const without = await this.losses(everybody.with(group, false));
      for (const [q, row] of removed.entries()) row.push((without[q] ?? 0) - (full[q] ?? 0));
      measured.push(group);
    }
    return { groups: measured, removed };
  }

  /** Exact Shapley values of groups that are all examples, each once; undefined where time runs out. */
  async shapley(): Promise<number[][] | undefined> {
    const tables: Float64Array[] = [];
    const coalitions = 2 ** this.groups.length;
    for (let coalition = 0; coalition < coalitions; coalition++) {
      if (this.isLate()) return undefined;
      const losses = await this.losses(this.groups.map((_, group) => ((coalition >> group) & 1) === 1));
      for (const [q, loss] of losses.entries()) {
        tables[q] ??= new Float64Array(coalitions);
        (tables[q] ?? losses)[coalition] = -loss;
      }
    }
    return tables.map((values) => [...shapleyValues(values)]);
  }

  private isLate(): boolean {
    return performance.now() > this.limits.deadline;
  }

  private async losses(taking: readonly boolean[]): Promise<Float64Array> {
    const key = taking.reduce((bits, takes, group) => bits + (takes ? 2 ** group : 0), 0);
    const known = this.known.get(key);
    if (known) return known;
    const weights = new Float64Array(this.retrainer.trained.examples.length).fill(1);
    for (const [group, takes] of taking.entries()) {
      if (!takes) for (const example of this.groups[group] ?? []) weights[example] = 0;
    }
    const losses = await this.retrainer.losses(weights, this.limits.signal);
    this.known.set(key, losses);
    this.limits.onRetrain?.();
    return losses;
  }
}
