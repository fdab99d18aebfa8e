import { sha256 } from '@openledger/kernel';

/** One accepted record, as validation hands it over. */
export interface AcceptedRecord {
  readonly id: string;
  readonly contributorId: string;
  readonly contributionId: string;
  readonly datanetId: string;
  /** 0…1; how good validation found it. */
  readonly quality: number;
  /** Empty for plain text. */
  readonly prompt: string;
  readonly completion: string;
}

/** A record with the number of tokens it is trained on. */
export interface TrainedRecord extends AcceptedRecord {
  readonly tokens: number;
}

/**
 * Keeps some records aside by a hash of their id and the seed: the choice does not depend on the order of
 * arrival, and a record stays on its side when others come or go. At least one record is kept aside.
 */
export function splitHeldOut<T extends { readonly id: string }>(
  records: readonly T[],
  percent: number,
  seed: number,
): { readonly train: T[]; readonly heldOut: T[] } {
  const place = (id: string) => Number.parseInt(sha256(`${seed}:${id}`).slice(0, 8), 16) / 2 ** 32;
  const ordered = records.map((record) => ({ record, at: place(record.id) })).sort((a, b) => a.at - b.at);
  const kept = Math.max(1, ordered.filter(({ at }) => at < percent / 100).length);
  const heldOut = new Set(ordered.slice(0, kept).map(({ record }) => record.id));
  return {
    train: records.filter(({ id }) => !heldOut.has(id)),
    heldOut: records.filter(({ id }) => heldOut.has(id)),
  };
}
