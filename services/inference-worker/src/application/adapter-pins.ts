import type { AdapterOrder } from './adapter-messages.js';
import type { AdapterShelf } from './adapter-shelf.js';
import type { AdapterReference } from './generation.js';
import { type PlainError, toPlain } from './plain-error.js';

type PinOrder = Extract<AdapterOrder, { kind: 'pin-adapter' }>;

/** Pins that wait for their adapter, and their answers. */
export class AdapterPins {
  private readonly orders = new Map<string, PinOrder[]>();

  constructor(
    private readonly shelf: AdapterShelf,
    private readonly answer: (call: number, error?: PlainError) => void,
  ) {}

  get waiting(): readonly AdapterReference[] {
    return [...this.orders.values()].flatMap((orders) => orders.slice(0, 1).map(({ adapter }) => adapter));
  }

  has(digest: string): boolean {
    return this.orders.has(digest);
  }

  /** True when the adapter has to be fetched first. */
  ask(order: PinOrder): boolean {
    const { digest } = order.adapter;
    if (order.pinned && !this.shelf.has(digest)) {
      this.orders.set(digest, [...(this.orders.get(digest) ?? []), order]);
      return true;
    }
    if (!order.pinned) this.arrived(digest);
    this.pin(order);
    return false;
  }

  arrived(digest: string): void {
    for (const order of this.take(digest)) this.pin(order);
  }

  failed(digest: string, error: PlainError): void {
    for (const { call } of this.take(digest)) this.answer(call, error);
  }

  private take(digest: string): readonly PinOrder[] {
    const orders = this.orders.get(digest) ?? [];
    this.orders.delete(digest);
    return orders;
  }

  private pin({ adapter, pinned, call }: PinOrder): void {
    try {
      this.shelf.pin(adapter.digest, pinned);
      this.answer(call);
    } catch (error) {
      this.answer(call, toPlain(error));
    }
  }
}
