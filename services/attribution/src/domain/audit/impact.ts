/** Change of a mean loss per token, with its standard error. */
export interface LossChange {
  readonly lossChange: number;
  readonly standardError: number;
}

/**
 * Change of the loss per completion token over held-out records: Σ changes / Σ tokens. Tokens of one record are not
 * independent, so the standard error is that of a ratio over records (Cochran 1977, Sampling Techniques, 6.4).
 *
 * @param changes of each record's whole NLL, nats.
 * @param tokens scored tokens of each record.
 */
export function lossChangePerToken(changes: ArrayLike<number>, tokens: ArrayLike<number>): LossChange {
  let [change, count] = [0, 0];
  for (let i = 0; i < changes.length; i++) {
    change += changes[i] ?? 0;
    count += tokens[i] ?? 0;
  }
  if (count === 0) return { lossChange: 0, standardError: 0 };
  const lossChange = change / count;
  let squares = 0;
  for (let i = 0; i < changes.length; i++) {
    squares += ((changes[i] ?? 0) - lossChange * (tokens[i] ?? 0)) ** 2;
  }
  const records = changes.length;
  const spread = records > 1 ? Math.sqrt((squares * records) / (records - 1)) : 0;
  return { lossChange, standardError: spread / count };
}
