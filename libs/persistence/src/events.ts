/** An event queued in the transaction that caused it; `event-log`'s relay appends it after commit. */
export interface OutgoingEvent {
  /** Deterministic for derived events, so that a replay gives the same id. */
  readonly id: string;
  /** Topic, which is also the event's type: `contribution.received.v1`. */
  readonly topic: string;
  /** Picks the partition; order is promised only between equal keys. */
  readonly key: string;
  readonly body: Uint8Array;
}
