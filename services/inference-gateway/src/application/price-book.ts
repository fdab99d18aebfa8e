import type { Price } from '@openledger/kernel';
import type { PriceQuote, Prices } from './payment-ports.js';

export interface PriceBookParts {
  readonly prices: Prices;
  /** Milliseconds of a clock that only runs forward: quotes are told as durations. */
  readonly elapsedMs: () => number;
  /** Told of what is tried again later. */
  readonly onError: (error: unknown) => void;
}

interface Entry {
  readonly price: Price;
  readonly next?: { readonly price: Price; readonly fromMs: number };
  /** From then on it is asked for again, while it still counts. */
  readonly refreshAtMs: number;
  readonly goodUntilMs: number;
}

const MODELS_MAX = 10_000;
/** After settlement did not tell, a model's price is not asked for. */
const QUIET_MS = 5_000;

/**
 * Prices as settlement tells them, with the change that comes next: a request waits for a call only where nothing is known, or
 * where what is known may be out of date. While settlement is away, the last price that was known counts; an announced
 * change takes effect all the same.
 */
export class PriceBook {
  private readonly entries = new Map<string, Entry>();
  private readonly asking = new Map<string, Promise<Entry>>();
  private readonly quietUntilMs = new Map<string, number>();

  constructor(private readonly parts: PriceBookParts) {}

  /** @throws DomainError MODEL_NOT_DEPLOYED, UPSTREAM_UNAVAILABLE where nobody ever told a price */
  async priceOf(modelId: string, lastKnown: Price | undefined): Promise<Price> {
    const nowMs = this.parts.elapsedMs();
    const entry = this.entries.get(modelId);
    if (entry && nowMs < entry.goodUntilMs) {
      if (nowMs >= entry.refreshAtMs && !this.isQuiet(modelId)) this.ask(modelId).catch(() => undefined);
      return priceAt(entry, nowMs);
    }
    const known = entry ? priceAt(entry, nowMs) : lastKnown;
    if (known && this.isQuiet(modelId)) return known;
    try {
      return priceAt(await this.ask(modelId), this.parts.elapsedMs());
    } catch (error) {
      if (known) return known;
      throw error;
    }
  }

  private isQuiet(modelId: string): boolean {
    return this.parts.elapsedMs() < (this.quietUntilMs.get(modelId) ?? 0);
  }

  /** Joins the call that is under way. */
  private ask(modelId: string): Promise<Entry> {
    const asking = this.asking.get(modelId) ?? this.fetch(modelId).finally(() => this.asking.delete(modelId));
    this.asking.set(modelId, asking);
    return asking;
  }

  private async fetch(modelId: string): Promise<Entry> {
    const { prices, elapsedMs, onError } = this.parts;
    try {
      const entry = entryOf(await prices.price(modelId), elapsedMs());
      keep(this.entries, modelId, entry);
      this.quietUntilMs.delete(modelId);
      return entry;
    } catch (error) {
      keep(this.quietUntilMs, modelId, elapsedMs() + QUIET_MS);
      onError(error);
      throw error;
    }
  }
}

/** From when the answer is here: a little late, which is the payer's gain and the promise of an admission before the change. */
const entryOf = ({ price, next, goodForMs }: PriceQuote, nowMs: number): Entry => ({
  price,
  ...(next ? { next: { price: next.price, fromMs: nowMs + next.inMs } } : {}),
  refreshAtMs: nowMs + goodForMs / 2,
  goodUntilMs: nowMs + goodForMs,
});

const priceAt = ({ price, next }: Entry, nowMs: number): Price =>
  next && nowMs >= next.fromMs ? next.price : price;

/** The oldest makes room. */
function keep<V>(entries: Map<string, V>, modelId: string, value: V): void {
  entries.delete(modelId);
  entries.set(modelId, value);
  const [oldest] = entries.keys();
  if (entries.size > MODELS_MAX && oldest !== undefined) entries.delete(oldest);
}
