import { PROMPT_TOKEN_WEIGHT } from './virtual-counters.js';

export interface RowShares {
  readonly rowsMax: number;
  /** Rows in steps, by tenant. */
  readonly rows: ReadonlyMap<string, number>;
  /** Tenants with requests, waiting or in steps. */
  readonly tenants: number;
  readonly served: (tenant: string) => number;
}

const shareOf = ({ rowsMax, tenants }: RowShares): number =>
  Math.max(1, Math.floor(rowsMax / Math.max(1, tenants)));

/** Weighted tokens that a tenant without a row has to be behind to take the only row of another. */
export const QUANTUM_TOKENS = 1_024;

/**
 * Who gives up a row for a tenant that has less than its share of rows: of the tenants that have more than
 * theirs, and were served more, the one that was served most. Where there are more tenants than rows, one
 * that has none takes turns with those that have one, {@link QUANTUM_TOKENS} at a time. Rows are counted in
 * the first case and tokens in the second, so that rows do not go back and forth.
 */
export function whoYields(tenant: string, shares: RowShares): string | undefined {
  const { rows, served } = shares;
  const share = shareOf(shares);
  const own = rows.get(tenant) ?? 0;
  if (own >= share) return undefined;
  let most = served(tenant);
  let found: string | undefined;
  for (const [other, count] of rows) {
    if (other === tenant || served(other) < most) continue;
    const isAhead = own === 0 && served(other) >= served(tenant) + QUANTUM_TOKENS;
    if (count <= share && !isAhead) continue;
    most = served(other);
    found = other;
  }
  return found;
}

/**
 * Whether the answers of `others` wait while a prompt of a tenant within its share is read to its end: where
 * all of them but its own have more than their share, and the tenant is ahead of none by more than this
 * prompt. That is as far as reading prompts whole, as in the paper, would let it get. Its own answers wait
 * as well, for steps are mostly spent on the others'.
 */
export function goesFirst(
  prompt: { readonly tenant: string; readonly tokens: number },
  others: readonly string[],
  shares: RowShares,
): boolean {
  const { rows, served } = shares;
  const share = shareOf(shares);
  const isBeyond = (tenant: string) => (rows.get(tenant) ?? 0) > share;
  if (isBeyond(prompt.tenant)) return false;
  const most = served(prompt.tenant) - PROMPT_TOKEN_WEIGHT * prompt.tokens;
  const foreign = others.filter((other) => other !== prompt.tenant);
  return foreign.length > 0 && foreign.every((other) => isBeyond(other) && served(other) >= most);
}

/**
 * Tokens that strips of keys and values take: those in steps are all as long as the longest, those of rows
 * that stand aside as long as they need.
 */
export function stripTokensOf(inSteps: readonly number[], aside: readonly number[]): number {
  const longest = inSteps.reduce((most, tokens) => Math.max(most, tokens), 0);
  return inSteps.length * longest + aside.reduce((sum, tokens) => sum + tokens, 0);
}
