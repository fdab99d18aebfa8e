/** Time enters as a value, so that domain code stays pure and tests choose it. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };
