import { DomainError } from '@openledger/kernel';
import type { VerifyEpoch } from './verify-epoch.js';

/** The distributor, as the second party has it. */
export abstract class Confirmations {
  /** The account that may confirm. */
  abstract confirmer(): Promise<string>;
  /** The first epoch that waits, and the newest; nothing waits where the first is greater. */
  abstract waiting(): Promise<{ readonly from: number; readonly to: number }>;
  /** @throws DomainError CHAIN_ROOT_CHANGED when another root stands there by now */
  abstract confirm(epoch: number, root: string): Promise<void>;
}

/**
 * The second party's part: computes every root that waits again, from what is public, and confirms it. Until then the
 * contract pays nothing from it, whoever holds the operator's keys.
 */
export class ConfirmRoots {
  constructor(
    private readonly verify: VerifyEpoch,
    private readonly confirmations: Confirmations,
    /** The account that signs. */
    private readonly account: string,
    private readonly onProgress: (text: string) => void,
  ) {}

  /**
   * Answers how many were confirmed: those before the first that differs.
   * @throws DomainError CONFIRMER_MISMATCH, EPOCH_DIFFERS, MANIFEST_UNKNOWN
   */
  async run(): Promise<number> {
    const confirmer = await this.confirmations.confirmer();
    if (confirmer.toLowerCase() !== this.account.toLowerCase()) {
      throw new DomainError(
        'precondition',
        'CONFIRMER_MISMATCH',
        `CONFIRMER_KEY belongs to ${this.account}, the distributor's confirmer is ${confirmer}`,
      );
    }
    const { from, to } = await this.confirmations.waiting();
    for (let epoch = from; epoch <= to; epoch += 1) {
      const root = await this.verify.run(epoch);
      await this.confirmations.confirm(epoch, root);
      this.onProgress(`epoch ${epoch}: confirmed`);
    }
    return Math.max(to - from + 1, 0);
  }
}
