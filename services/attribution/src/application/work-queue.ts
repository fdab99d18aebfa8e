import type { WorkKind } from './work.js';

/** Kinds of work, the most urgent first. */
export interface QueueKinds {
  /** Always before the rest: others wait for them. */
  readonly first: readonly WorkKind[];
  /** In turn, so that none of them starves another. */
  readonly inTurn: readonly WorkKind[];
  /** When nothing else waits, and once in a while even so. */
  readonly last: WorkKind;
}

/** Pieces of other work that the last kind gives way to before it has its turn. */
const PATIENCE = 64;

/**
 * Decides what is done next. Only one may work at a time: its host holds a lease. What fails is put behind the rest,
 * so it blocks nothing.
 */
export class WorkQueue {
  private turn = 0;
  private sinceLast = 0;

  constructor(private readonly kinds: QueueKinds) {}

  /** Does the next piece of work to its end; false when none waits. */
  async next(signal: AbortSignal): Promise<boolean> {
    for (const kind of this.order()) {
      if (signal.aborted) return false;
      if (await kind.next(signal)) return true;
    }
    return false;
  }

  private *order(): Generator<WorkKind> {
    const { first, inTurn } = this.kinds;
    yield* first;
    this.turn += 1;
    this.sinceLast += 1;
    const isLastDue = this.sinceLast > PATIENCE;
    if (isLastDue) yield* this.lastKind();
    for (const at of inTurn.keys()) yield* inTurn.slice((this.turn + at) % inTurn.length).slice(0, 1);
    if (!isLastDue) yield* this.lastKind();
  }

  private *lastKind(): Generator<WorkKind> {
    this.sinceLast = 0;
    yield this.kinds.last;
  }
}
