import type { Principal } from '@openledger/auth';
import { type Clock, DomainError } from '@openledger/kernel';
import type { Epoch } from '../application/epochs/epoch-ports.js';
import type { FeeDiscrepancy } from '../application/prepaid/lease-ports.js';
import type { Balance, Receipt, TrialBalance, WalletClaim } from '../application/queries.js';

/** Where the money is, for clients that deposit and claim. */
export interface ChainFacts {
  readonly chainId: number;
  /** Absent where ours is not for everybody. */
  readonly rpcUrl: string | undefined;
  readonly token: string;
  readonly vault: string;
  readonly distributor: string;
  readonly escrow: string;
  readonly stakeRegistry: string;
  readonly paramRegistry: string;
  readonly attributionRegistry: string;
  /** Names an organisation's account in the vault. */
  readonly depositAccountOf: (organisationId: string) => string;
}

/** Answers as JSON: big numbers as decimal strings, times in ISO 8601. */
export class SettlementView {
  constructor(
    private readonly facts: ChainFacts,
    private readonly clock: Clock,
    private readonly operatorWallets: ReadonlySet<string> | undefined,
  ) {}

  now(): Date {
    return this.clock.now();
  }

  /** @throws DomainError NOT_AN_OPERATOR where operators are listed and the caller is none */
  checkOperator(caller: Principal): void {
    if (!this.operatorWallets || this.operatorWallets.has(caller.walletAddress.toLowerCase())) return;
    throw new DomainError('forbidden', 'NOT_AN_OPERATOR', 'This wallet does not operate settlement.');
  }

  balance(organisationId: string, balance: Balance) {
    return {
      organisationId,
      availableWei: balance.availableWei.toString(),
      heldWei: balance.heldWei.toString(),
      deposit: { vault: this.facts.vault, account: this.facts.depositAccountOf(organisationId) },
    };
  }

  receipt(receipt: Receipt) {
    return {
      requestId: receipt.requestId,
      payerOrganisationId: receipt.organisationId,
      modelId: receipt.modelId,
      usage: { promptTokens: receipt.promptTokens, completionTokens: receipt.completionTokens },
      servedAt: receipt.servedAt,
      state: receipt.creditedAt ? 'credited' : receipt.feeWei === undefined ? 'served' : 'metered',
      pricedWei: receipt.pricedWei?.toString(),
      feeWei: receipt.feeWei?.toString(),
      creditedAt: receipt.creditedAt,
      parts: receipt.parts.map((part) => ({
        role: part.role,
        payeeId: part.payeeId || undefined,
        partyId: part.partyId || undefined,
        amountWei: part.amountWei.toString(),
      })),
    };
  }

  epoch(epoch: Epoch) {
    return { ...epoch, totalWei: epoch.totalWei.toString(), fundedWei: epoch.fundedWei.toString() };
  }

  claim(claim: WalletClaim) {
    return {
      ...claim,
      totalWei: claim.totalWei.toString(),
      claimedWei: claim.claimedWei.toString(),
      claimableWei: (claim.totalWei > claim.claimedWei ? claim.totalWei - claim.claimedWei : 0n).toString(),
      ...(claim.next ? { next: { ...claim.next, totalWei: claim.next.totalWei.toString() } } : {}),
      distributor: this.facts.distributor,
      chainId: this.facts.chainId,
    };
  }

  chain() {
    const { depositAccountOf: _, ...facts } = this.facts;
    return facts;
  }

  discrepancy(found: FeeDiscrepancy) {
    return { ...found, ownFeeWei: found.ownFeeWei.toString() };
  }

  trialBalance(balance: TrialBalance) {
    const text = Object.entries(balance).map(
      ([name, wei]: [string, bigint]) => [name, wei.toString()] as const,
    );
    return Object.fromEntries(text);
  }
}
