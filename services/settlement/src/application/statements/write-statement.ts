import { type Clock, DomainError } from '@openledger/kernel';
import { accrualOf, leased, PAYABLE_ROLES, payer } from '../../domain/ledger/accounts.js';
import type { Standing } from '../../domain/ledger/standing.js';
import {
  boundsOf,
  type Statement,
  type StatementKind,
  type StatementLine,
} from '../../domain/statements/statement.js';
import type { LedgerQueries } from '../ledger/ledger-queries.js';

/** Transfers of one reason between an owner's accounts and others, added up. */
export interface Movement {
  readonly reason: string;
  /** A deposit's transaction, a refund, an epoch; empty where thousands are added up. */
  readonly reference: string;
  /** Into the owner's accounts less out of them. */
  readonly amountWei: bigint;
}

export interface ModelUsage {
  readonly modelName: string;
  readonly answers: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly feeWei: bigint;
}

export interface ModelEarning {
  readonly modelName: string;
  readonly role: string;
  readonly answers: number;
  readonly amountWei: bigint;
}

export abstract class StatementSource {
  /** Of transfers recorded after `from` and not after `to`; those between the accounts themselves are left out. */
  abstract movements(accountIds: readonly string[], from: Date, to: Date): Promise<Movement[]>;
  abstract usage(organisationId: string, month: string): Promise<ModelUsage[]>;
  abstract earnings(payeeId: string, month: string): Promise<ModelEarning[]>;
  abstract nameOf(ownerId: string): Promise<string | undefined>;
}

const KINDS: Readonly<Record<string, StatementKind>> = {
  deposit: 'top-up',
  voucher: 'top-up',
  refund: 'refund',
  'free-tier': 'free-tier',
  'free-tier-return': 'free-tier',
  epoch: 'paid-out',
};

/** Tells of a month what moved an account, so that opening, lines and closing add up to the wei. */
export class WriteStatement {
  constructor(
    private readonly ledger: LedgerQueries,
    private readonly source: StatementSource,
    private readonly clock: Clock,
  ) {}

  /** Of what an organisation prepaid. @throws DomainError MONTH_AHEAD */
  async prepaid(organisationId: string, month: string): Promise<Statement> {
    const usage = (await this.source.usage(organisationId, month)).map(
      ({ modelName, answers, promptTokens, completionTokens, feeWei }): StatementLine => ({
        kind: 'usage',
        description: modelName,
        answers,
        promptTokens,
        completionTokens,
        amountWei: -feeWei,
      }),
    );
    const accounts = [payer(organisationId), leased(organisationId)];
    return this.write({
      ownerId: organisationId,
      account: 'prepaid',
      month,
      accounts,
      reason: 'fee',
      detail: usage,
    });
  }

  /** Of what a payee earned and was promised. @throws DomainError MONTH_AHEAD */
  async earnings(payeeId: string, month: string): Promise<Statement> {
    const earned = (await this.source.earnings(payeeId, month)).map(
      ({ modelName, role, answers, amountWei }): StatementLine => ({
        kind: 'earned',
        description: `${modelName} (${role})`,
        answers,
        amountWei,
      }),
    );
    const accounts = PAYABLE_ROLES.map((role) => accrualOf({ role, payeeId }));
    return this.write({
      ownerId: payeeId,
      account: 'earnings',
      month,
      accounts,
      reason: 'split',
      detail: earned,
    });
  }

  private async write(asked: Asked): Promise<Statement> {
    const { ownerId, account, month, accounts, reason, detail } = asked;
    const { from, to } = boundsOf(month);
    const now = this.clock.now();
    if (from > now) throw new DomainError('invalid', 'MONTH_AHEAD', 'This month has not begun yet.');
    const final = to <= now;
    const openingWei = balanceOf(await this.ledger.standingsAt(accounts, from));
    const ids = accounts.map(({ id }) => id);
    const moved = await this.source.movements(ids, from, final ? to : now);
    const lines = [...linesOf(moved.filter((movement) => movement.reason !== reason)), ...detail];
    const detailedWei = detail.reduce((sum, { amountWei }) => sum + amountWei, 0n);
    const movedWei = moved
      .filter((movement) => movement.reason === reason)
      .reduce((sum, { amountWei }) => sum + amountWei, 0n);
    // Money is of the month in which it moved; the sums by model go by when answers were served, and lag by seconds.
    const turnWei = movedWei - detailedWei;
    if (turnWei !== 0n) {
      lines.push({
        kind: 'other',
        description: 'answers added up in another month, or not yet',
        amountWei: turnWei,
      });
    }
    return {
      ownerId,
      name: (await this.source.nameOf(ownerId)) ?? '',
      account,
      month,
      openingWei,
      closingWei: lines.reduce((sum, { amountWei }) => sum + amountWei, openingWei),
      lines,
      final,
    };
  }
}

interface Asked {
  readonly ownerId: string;
  readonly account: Statement['account'];
  readonly month: string;
  readonly accounts: readonly { readonly id: string; readonly kind: 'asset' | 'liability' | 'open' }[];
  /** Of the transfers that `detail` tells more of. */
  readonly reason: string;
  readonly detail: readonly StatementLine[];
}

const balanceOf = (standings: readonly Standing[]): bigint =>
  standings.reduce(
    (sum, { creditsPostedWei, debitsPostedWei }) => sum + creditsPostedWei - debitsPostedWei,
    0n,
  );

const linesOf = (movements: readonly Movement[]): StatementLine[] =>
  movements.map(({ reason, reference, amountWei }) => {
    const kind = KINDS[reason] ?? 'other';
    return { kind, description: kind === 'other' ? `${reason} ${reference}` : reference, amountWei };
  });
