import type { WorkKind } from './work.js';

/** Kinds of work, the most urgent first. */
export interface QueueKinds {
  /** Always before the rest: others wait for them. */
  readonly first: readonly WorkKind[];
  /** In turn, so that none of them starves another. */
  readonly inTurn: readonly WorkKind[];
}

/**
 * Decides what is done next. Only one may work at a time: its host holds a lease. What fails is put behind the rest,
 * so it blocks nothing.
 */
export class WorkQueue implements WorkKind {
  private turn = 0;

  constructor(private readonly kinds: QueueKinds) {}

  async next(signal: AbortSignal): Promise<boolean> {
    for (const kind of this.order()) {
      if (signal.aborted) return false;
      if (await kind.next(signal)) return true;
    }
    return false;
  }

  private order(): WorkKind[] {
    const { first, inTurn } = this.kinds;
    this.turn += 1;
    const at = this.turn % Math.max(1, inTurn.length);
    return [...first, ...inTurn.slice(at), ...inTurn.slice(0, at)];
  }
}
