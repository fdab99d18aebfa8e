import { accrualOf, PAYABLE_ROLES } from '../ledger/accounts.js';
import { checkRoles, type RoleSplit, type Royalties } from '../split/split-fee.js';
import type { SplitPolicy } from '../split/split-policy.js';
import { checkAnswer, royaltiesOf } from './check-answer.js';
import { MANIFEST_VERSION } from './manifest.js';
import { differs, type ManifestLine } from './manifest-reader.js';

export interface Standing {
  readonly credits: bigint;
  readonly debits: bigint;
}

/** What a chain epoch paid, or gave back. */
export interface CheckedPayment {
  readonly epoch: number;
  readonly revision: number;
  readonly account: string;
  readonly wallet: string;
  readonly amountWei: bigint;
}

const ORDER = [
  'ledger-epoch',
  'policy',
  'royalties',
  'answer',
  'payment',
  'undone',
  'refund',
  'account',
  'sums',
];
const ROLES: readonly (keyof RoleSplit)[] = [
  'platformBps',
  'developerBps',
  'stakersBps',
  'contributorsBps',
  'nodeBps',
  'royaltyBps',
];

/** Whose account nobody but fees, refunds and epochs moves; the platform's has other business too. */
const isPayable = (account: string): boolean => PAYABLE_ROLES.some((role) => account.startsWith(`${role}:`));

/** Recomputes one ledger epoch line by line: every fee, every part, and where each account stood at the end. */
export class LedgerCheck {
  readonly payments: CheckedPayment[] = [];
  private readonly policies: SplitPolicy[] = [];
  private readonly royalties = new Map<string, Royalties>();
  private readonly credited = new Map<string, bigint>();
  private readonly debited = new Map<string, bigint>();
  private stage = 0;
  private lastKey = '';
  private answers = 0;
  private accounts = 0;
  private feesWei = 0n;

  /** @param standings where accounts stood at the end of ledger epochs that were checked before; kept up to date */
  constructor(
    private readonly ledgerEpoch: number,
    private readonly previous: string | undefined,
    private readonly standings: Map<string, Standing>,
  ) {}

  /** @throws DomainError EPOCH_DIFFERS */
  take(line: ManifestLine): void {
    const stage = ORDER.indexOf(line.kind);
    if (stage < this.stage || (stage === 0) !== (this.stage === 0 && this.lastKey === '')) {
      line.fail(`a line of kind ${line.kind} is out of place`);
    }
    if (stage > this.stage) this.lastKey = '';
    this.stage = stage;
    if (line.kind === 'ledger-epoch') this.head(line);
    else if (line.kind === 'policy') this.policy(line);
    else if (line.kind === 'royalties') this.royalties.set(line.text('id'), royaltiesOf(line));
    else if (line.kind === 'answer') this.answer(line);
    else if (line.kind === 'refund') this.refund(line);
    else if (line.kind === 'account') this.account(line);
    else if (line.kind === 'sums') this.sums(line);
    else this.payment(line);
  }

  /** After the last line. */
  end(): void {
    const where = `ledger epoch ${this.ledgerEpoch}`;
    if (ORDER[this.stage] !== 'sums') throw differs(where, 'the manifest has no end');
    for (const account of [...this.credited.keys(), ...this.debited.keys()]) {
      throw differs(where, `account ${account} moved, and its standing is not told`);
    }
  }

  get checkedAnswers(): number {
    return this.answers;
  }

  private head(line: ManifestLine): void {
    line.expect('version', line.number('version'), MANIFEST_VERSION);
    line.expect('ledgerEpoch', line.number('ledgerEpoch'), this.ledgerEpoch);
    if (line.time('closedAt') < line.time('openedAt')) line.fail('the epoch ends before it begins');
    if (this.previous !== undefined) line.expect('previous', line.text('previous'), this.previous);
    this.lastKey = 'head';
  }

  private policy(line: ManifestLine): void {
    const roles = line.object('roles');
    const read = Object.fromEntries(ROLES.map((role) => [role, roles.number(role)]));
    checkRoles(read as unknown as RoleSplit);
    this.policies.push({
      version: line.number('version'),
      effectiveFrom: line.time('effectiveFrom'),
      roles: read as unknown as RoleSplit,
    });
  }

  private answer(line: ManifestLine): void {
    this.rising(line, line.text('id'));
    for (const part of checkAnswer(line, { policies: this.policies, royalties: this.royalties })) {
      add(this.credited, accrualOf(part).id, part.amountWei);
    }
    this.answers += 1;
    this.feesWei += line.wei('feeWei');
  }

  private payment(line: ManifestLine): void {
    const payment = {
      epoch: line.number('epoch'),
      revision: line.number('revision'),
      account: line.text('account'),
      wallet: line.text('wallet'),
      amountWei: line.wei('amountWei'),
    };
    if (line.kind === 'payment') {
      this.payments.push(payment);
      add(this.debited, payment.account, payment.amountWei);
    } else add(this.credited, payment.account, payment.amountWei);
  }

  private refund(line: ManifestLine): void {
    this.rising(line, line.text('id'));
    add(this.debited, 'platform', line.wei('amountWei'));
  }

  private account(line: ManifestLine): void {
    const account = line.text('account');
    this.rising(line, account);
    const opening = { credits: line.wei('openingCreditsWei'), debits: line.wei('openingDebitsWei') };
    const closing = { credits: line.wei('creditsWei'), debits: line.wei('debitsWei') };
    const known = this.standings.get(account);
    if (known) {
      line.expect('openingCreditsWei', opening.credits, known.credits);
      line.expect('openingDebitsWei', opening.debits, known.debits);
    }
    const credits = taken(this.credited, account);
    const debits = taken(this.debited, account);
    const exact = isPayable(account);
    if (exact || closing.credits - opening.credits < credits) {
      line.expect('what was credited', closing.credits - opening.credits, credits);
    }
    if (exact || closing.debits - opening.debits < debits) {
      line.expect('what was debited', closing.debits - opening.debits, debits);
    }
    if (closing.debits > closing.credits) line.fail('the account is overdrawn');
    this.standings.set(account, closing);
    this.accounts += 1;
  }

  private sums(line: ManifestLine): void {
    line.expect('answers', line.number('answers'), this.answers);
    line.expect('accounts', line.number('accounts'), this.accounts);
    line.expect('feesWei', line.wei('feesWei'), this.feesWei);
  }

  private rising(line: ManifestLine, key: string): void {
    if (key <= this.lastKey) line.fail(`${key} is out of order or there twice`);
    this.lastKey = key;
  }
}

function add(sums: Map<string, bigint>, account: string, amountWei: bigint): void {
  if (amountWei > 0n) sums.set(account, (sums.get(account) ?? 0n) + amountWei);
}

function taken(sums: Map<string, bigint>, account: string): bigint {
  const amountWei = sums.get(account) ?? 0n;
  sums.delete(account);
  return amountWei;
}
