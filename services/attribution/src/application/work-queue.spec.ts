import type { WorkKind } from './work.js';
import { WorkQueue } from './work-queue.js';

const never = new AbortController().signal;

/** Work of a kind, so many pieces of it; each leaves its name. */
function kinds(done: string[]) {
  return (name: string, pieces = Number.POSITIVE_INFINITY): WorkKind => {
    let left = pieces;
    return {
      next: async () => {
        if (left <= 0) return false;
        left -= 1;
        done.push(name);
        return true;
      },
    };
  };
}

async function drain(queue: WorkQueue, most: number): Promise<void> {
  for (let i = 0; i < most && (await queue.next(never)); i++);
}

describe('WorkQueue', () => {
  it('does what others wait for first', async () => {
    const done: string[] = [];
    const of = kinds(done);
    const queue = new WorkQueue({ first: [of('index', 2)], inTurn: [of('answer', 2)] });
    await drain(queue, 100);
    expect(done).toEqual(['index', 'index', 'answer', 'answer']);
    expect(await queue.next(never)).toBe(false);
  });

  it('gives kinds their turns, so that many challenges do not keep answers waiting', async () => {
    const done: string[] = [];
    const of = kinds(done);
    const queue = new WorkQueue({
      first: [],
      inTurn: [of('challenge'), of('replay'), of('answer')],
    });
    await drain(queue, 30);
    for (const name of ['challenge', 'replay', 'answer'])
      expect(done.filter((piece) => piece === name)).toHaveLength(10);
  });

  it('begins nothing once it is to stop', async () => {
    const done: string[] = [];
    const of = kinds(done);
    const stopped = AbortSignal.abort();
    const queue = new WorkQueue({ first: [of('index')], inTurn: [] });
    expect(await queue.next(stopped)).toBe(false);
    expect(done).toEqual([]);
  });
});
