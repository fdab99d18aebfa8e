export interface RowShares {
  readonly rowsMax: number;
  /** Rows in steps, by tenant. */
  readonly rows: ReadonlyMap<string, number>;
  /** Tenants with requests, waiting or in steps. */
  readonly tenants: number;
  readonly served: (tenant: string) => number;
}

/**
 * Who gives up a row for a tenant that has less than its share of rows: of the tenants that have more than
 * theirs, and were served more, the one that was served most. Rows counted, not tokens: after the change
 * the one has at most and the other at least its share, so that rows do not go back and forth.
 */
export function whoYields(tenant: string, { rowsMax, rows, tenants, served }: RowShares): string | undefined {
  const share = Math.max(1, Math.floor(rowsMax / Math.max(1, tenants)));
  if ((rows.get(tenant) ?? 0) >= share) return undefined;
  let most = served(tenant);
  let found: string | undefined;
  for (const [other, count] of rows) {
    if (other === tenant || count <= share || served(other) < most) continue;
    most = served(other);
    found = other;
  }
  return found;
}

/**
 * Tokens that strips of keys and values take: those in steps are all as long as the longest, those of rows
 * that stand aside as long as they need.
 */
export function stripTokensOf(inSteps: readonly number[], aside: readonly number[]): number {
  const longest = inSteps.reduce((most, tokens) => Math.max(most, tokens), 0);
  return inSteps.length * longest + aside.reduce((sum, tokens) => sum + tokens, 0);
}
