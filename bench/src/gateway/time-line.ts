interface Entry {
  readonly time: number;
  readonly order: number;
  readonly run: () => void;
}

/** What is to happen, by time; at one time, in the order in which it was planned. A binary heap. */
export class TimeLine {
  private readonly heap: Entry[] = [];
  private planned = 0;

  at(time: number, run: () => void): void {
    this.planned += 1;
    const entry = { time, order: this.planned, run };
    let index = this.heap.length;
    this.heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = this.heap[parent];
      if (above === undefined || isBefore(above, entry)) break;
      this.heap[index] = above;
      index = parent;
    }
    this.heap[index] = entry;
  }

  /** Until nothing is planned any more. */
  run(): void {
    for (let next = this.take(); next; next = this.take()) next.run();
  }

  private take(): Entry | undefined {
    const [first] = this.heap;
    const last = this.heap.pop();
    if (first === undefined || last === undefined || this.heap.length === 0) return first;
    let index = 0;
    for (;;) {
      const child = this.lesserChild(index);
      const entry = this.heap[child];
      if (entry === undefined || isBefore(last, entry)) break;
      this.heap[index] = entry;
      index = child;
    }
    this.heap[index] = last;
    return first;
  }

  private lesserChild(index: number): number {
    const [left, right] = [this.heap[2 * index + 1], this.heap[2 * index + 2]];
    return left && right && isBefore(right, left) ? 2 * index + 2 : 2 * index + 1;
  }
}

const isBefore = (a: Entry, b: Entry): boolean => a.time < b.time || (a.time === b.time && a.order < b.order);
