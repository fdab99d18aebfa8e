/** A block of the chain, by what cannot be the same for another. */
export interface SeenBlock {
  readonly number: number;
  readonly hash: string;
}
