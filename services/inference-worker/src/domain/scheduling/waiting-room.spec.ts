import { type Offer, PASSES_MAX, type Waiting, WaitingRoom } from './waiting-room.js';

interface Request extends Waiting {
  readonly adapter: string;
}

const request = (id: number, tenant = '', adapter = ''): Request => ({ id, tenant, adapter });
const never = () => false;
const all = { ready: () => true, begun: never, fits: () => true };

describe('WaitingRoom', () => {
  const served = new Map<string, number>();
  let room: WaitingRoom<Request>;
  beforeEach(() => {
    served.clear();
    room = new WaitingRoom((tenant) => served.get(tenant) ?? 0);
  });
  const drain = (offer: Offer<Request> = all) => {
    const order: number[] = [];
    for (let next = room.next(offer); next; next = room.next(offer)) order.push(next.id);
    return order;
  };

  it('lets in by arrival within a tenant and by what was served between tenants', () => {
    for (const id of [1, 2]) room.add(request(id, 'much'));
    for (const id of [3, 4]) room.add(request(id, 'little'));
    served.set('much', 10);
    expect(room.due?.id).toBe(3);
    expect(room.next(all)?.id).toBe(3);
    served.set('little', 20);
    expect(drain()).toEqual([1, 2, 4]);
    expect([room.size, room.due, room.next(all)]).toEqual([0, undefined, undefined]);
  });

  it('lets a row that gave way go on first, and takes out who leaves', () => {
    for (const id of [1, 2, 3]) room.add(request(id));
    room.addFirst(request(9));
    expect(room.remove(2)?.id).toBe(2);
    expect(room.remove(2)).toBeUndefined();
    expect(drain()).toEqual([9, 1, 3]);
  });

  it('groups requests whose adapters are at hand', () => {
    for (const [id, adapter] of ['x', 'y', 'x', 'y'].entries()) room.add(request(id, '', adapter));
    const offer = { ready: ({ adapter }: Request) => adapter === 'y', begun: never, fits: () => true };
    expect(drain(offer)).toEqual([1, 3, 0, 2]);
  });

  it('goes on to another tenant where nothing of the first fits', () => {
    room.add(request(1, 'a', 'large'));
    room.add(request(2, 'b'));
    served.set('b', 5);
    const offer = { ready: never, begun: never, fits: ({ adapter }: Request) => adapter !== 'large' };
    expect(room.next(offer)?.id).toBe(2);
    expect(room.next(offer)).toBeUndefined();
    expect(room.size).toBe(1);
  });

  it('starves nobody: after enough others, a request is due and the rest waits for it', () => {
    room.add(request(0, 'a', 'large'));
    let hasRoom = false;
    const offer = {
      ready: ({ adapter }: Request) => adapter !== 'large',
      begun: ({ adapter }: Request) => adapter === 'begun',
      fits: ({ adapter }: Request) => hasRoom || adapter !== 'large',
    };
    const order: number[] = [];
    for (let id = 1; id < 100; id += 1) {
      // Both of its own tenant and of others that were served as much.
      room.add(request(id, id % 2 === 0 ? 'a' : 'b'));
      served.set('b', id);
      const next = room.next(offer);
      if (next) order.push(next.id);
    }
    expect(order).toHaveLength(PASSES_MAX);
    expect(room.due?.id).toBe(0);
    // What it waits for may be held by a row that stands aside.
    room.addFirst(request(500, 'c', 'begun'));
    served.set('c', 1_000);
    expect(room.next(offer)?.id).toBe(500);
    expect(room.next(offer)).toBeUndefined();
    hasRoom = true;
    expect(room.next(offer)?.id).toBe(0);
    expect(room.next(offer)).toBeDefined();
  });

  it('looks only so far into a queue for what is at hand', () => {
    for (let id = 0; id < 50; id += 1) room.add(request(id, '', id === 40 ? 'here' : 'away'));
    const asked: number[] = [];
    const offer = {
      ready: ({ id, adapter }: Request) => asked.push(id) > 0 && adapter === 'here',
      begun: never,
      fits: () => true,
    };
    expect(room.next(offer)?.id).toBe(0);
    expect(Math.max(...asked)).toBeLessThan(40);
  });
});
