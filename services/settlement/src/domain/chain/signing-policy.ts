import { DomainError } from '@openledger/kernel';

/** A transaction before it is signed; amounts of gas and fees in wei of the chain's own coin. */
export interface UnsignedTransaction {
  readonly chainId: number;
  readonly nonce: number;
  readonly to: string;
  readonly data: string;
  readonly valueWei: bigint;
  readonly gasLimit: bigint;
  readonly maxFeeWei: bigint;
  readonly tipWei: bigint;
}

/** One call that may be signed. Words are the 32-byte arguments behind the selector, counted from 0. */
export interface SigningRule {
  /** Names the rule where its use is remembered. */
  readonly name: string;
  readonly to: string;
  /** First four bytes of the call, 0x-prefixed. */
  readonly selector: string;
  /** The argument that may never fall from one nonce to the next: an epoch. */
  readonly markWord?: number;
  /** How far it may fall all the same: what the contract takes back is done again. */
  readonly markBack?: bigint;
  /** The argument that says how much OPEN moves, and the most that may move in a day. */
  readonly moves?: { readonly word: number; readonly dailyWei: bigint };
}

/** What a key may sign. Whatever no rule allows is refused, a transfer of the chain's coin always. */
export interface SigningPolicy {
  readonly chainId: number;
  readonly rules: readonly SigningRule[];
  /** The most that fees may cost in a day, at the highest price that was offered. */
  readonly dailyCostWei: bigint;
}

/** What the key has signed under other nonces. */
export interface SigningUse {
  /** Within a day, over all rules. */
  readonly costWei: bigint;
  /** Within a day, by rule. */
  readonly movedWei: ReadonlyMap<string, bigint>;
  /** Highest ever under a lower nonce, by rule. */
  readonly marks: ReadonlyMap<string, bigint>;
}

/** What signing a transaction uses of the policy. */
export interface SigningEntry {
  readonly rule: string;
  readonly costWei: bigint;
  readonly movedWei: bigint;
  readonly mark?: bigint;
}

export const UNUSED: SigningUse = { costWei: 0n, movedWei: new Map(), marks: new Map() };

/** A nonce may always be spent on nothing: that is how a gap is closed. */
const FILLER = 'filler';
const SELECTOR_CHARACTERS = 10;
const WORD_CHARACTERS = 64;

/**
 * Checks a transaction against the policy; `costWei` is the most that it can cost, fees of a layer below included.
 * @throws DomainError SIGNER_CHAIN_REFUSED, SIGNER_VALUE_REFUSED, SIGNER_CALL_REFUSED, SIGNER_EPOCH_REFUSED,
 * SIGNER_BUDGET_SPENT
 */
export function checkSigning(
  policy: SigningPolicy,
  transaction: UnsignedTransaction & { readonly from: string; readonly costWei: bigint },
  use: SigningUse,
): SigningEntry {
  if (transaction.chainId !== policy.chainId) {
    throw refusal('CHAIN_REFUSED', `the key signs for chain ${policy.chainId} alone`, {
      chainId: transaction.chainId,
    });
  }
  if (transaction.valueWei !== 0n) {
    throw refusal('VALUE_REFUSED', 'the key does not send the coin of the chain', {
      valueWei: transaction.valueWei.toString(),
    });
  }
  const spentWei = use.costWei + transaction.costWei;
  if (spentWei > policy.dailyCostWei) {
    throw refusal('BUDGET_SPENT', 'fees would exceed the budget of a day', {
      spentWei: spentWei.toString(),
      dailyWei: policy.dailyCostWei.toString(),
    });
  }
  if (isFiller(transaction)) return { rule: FILLER, costWei: transaction.costWei, movedWei: 0n };
  return { ...checkCall(policy, transaction, use), costWei: transaction.costWei };
}

const isFiller = (transaction: UnsignedTransaction & { readonly from: string }): boolean =>
  sameAddress(transaction.to, transaction.from) && transaction.data === '0x';

function checkCall(policy: SigningPolicy, transaction: UnsignedTransaction, use: SigningUse) {
  const selector = transaction.data.slice(0, SELECTOR_CHARACTERS).toLowerCase();
  const rule = policy.rules.find(
    (one) => one.selector.toLowerCase() === selector && sameAddress(one.to, transaction.to),
  );
  if (!rule) {
    throw refusal('CALL_REFUSED', 'no rule allows this call', { to: transaction.to, selector });
  }
  const movedWei = rule.moves === undefined ? 0n : wordOf(transaction.data, rule.moves.word);
  const movedTodayWei = (use.movedWei.get(rule.name) ?? 0n) + movedWei;
  if (rule.moves !== undefined && movedTodayWei > rule.moves.dailyWei) {
    throw refusal('BUDGET_SPENT', `${rule.name} would move more than a day allows`, {
      movedWei: movedTodayWei.toString(),
      dailyWei: rule.moves.dailyWei.toString(),
    });
  }
  if (rule.markWord === undefined) return { rule: rule.name, movedWei };
  const mark = wordOf(transaction.data, rule.markWord);
  const last = use.marks.get(rule.name) ?? 0n;
  if (mark + (rule.markBack ?? 0n) < last) {
    throw refusal('EPOCH_REFUSED', `${rule.name} of ${mark} would come after ${last}`, {
      given: mark.toString(),
      last: last.toString(),
    });
  }
  return { rule: rule.name, movedWei, mark };
}

function wordOf(data: string, word: number): bigint {
  const start = SELECTOR_CHARACTERS + word * WORD_CHARACTERS;
  const digits = data.slice(start, start + WORD_CHARACTERS);
  if (digits.length === WORD_CHARACTERS) return BigInt(`0x${digits}`);
  throw refusal('CALL_REFUSED', 'the call is too short for its arguments', { characters: data.length });
}

const sameAddress = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

const refusal = (code: string, message: string, details: Record<string, string | number>): DomainError =>
  new DomainError('forbidden', `SIGNER_${code}`, message, { details });
