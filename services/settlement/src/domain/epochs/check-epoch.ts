import type { CheckedPayment, Standing } from './check-ledger.js';
import { type Leaf, nextLeaves } from './epoch.js';
import { MANIFEST_VERSION } from './manifest.js';
import { differs, type ManifestLine } from './manifest-reader.js';

/** What the manifest of a chain epoch says of itself. */
export interface EpochClaim {
  readonly epoch: number;
  readonly revision: number;
  readonly chainId: number;
  readonly distributor: string;
  readonly previousRoot: string;
  readonly previousManifest: string;
  readonly root: string;
  readonly totalWei: bigint;
  readonly leafCount: number;
  readonly ledgerFrom: number;
  readonly ledgerTo: number;
}

const ORDER = ['epoch', 'ledger', 'payment', 'leaf'];

/** Reads the manifest of a chain epoch line by line; what it says is compared with the ledger epochs at the end. */
export class EpochCheck {
  readonly leaves: Leaf[] = [];
  /** Manifests of ledger epochs, from the first one paid on. */
  readonly ledgers: string[] = [];
  private readonly payments: (CheckedPayment & { readonly line: ManifestLine })[] = [];
  private head: EpochClaim | undefined;
  private stage = 0;
  private lastKey = '';

  constructor(private readonly epoch: number) {}

  /** @throws DomainError EPOCH_DIFFERS */
  take(line: ManifestLine): void {
    const stage = ORDER.indexOf(line.kind);
    if (stage < this.stage || (stage === 0) !== (this.head === undefined)) {
      line.fail(`a line of kind ${line.kind} is out of place`);
    }
    if (stage > this.stage) this.lastKey = '';
    this.stage = stage;
    if (line.kind === 'epoch') this.head = this.claimOf(line);
    else if (line.kind === 'ledger') this.ledger(line);
    else if (line.kind === 'payment') this.payment(line);
    else this.leaf(line);
  }

  get claim(): EpochClaim {
    if (!this.head) throw differs(`epoch ${this.epoch}`, 'the manifest is empty');
    return this.head;
  }

  /** E2: the leaves sum to the total; and the total is of as many as are told. */
  checkSums(): void {
    const { totalWei, leafCount, ledgerFrom, ledgerTo } = this.claim;
    const sum = this.leaves.reduce((all, leaf) => all + leaf.totalWei, 0n);
    this.expect('the sum of the leaves', sum, totalWei);
    this.expect('the number of leaves', this.leaves.length, leafCount);
    this.expect('the number of ledger epochs', this.ledgers.length, ledgerTo - ledgerFrom + 1);
  }

  /** What was paid is what the ledger epochs say was paid, and nothing is left of what was payable. */
  checkPayments(paid: readonly CheckedPayment[], standings: ReadonlyMap<string, Standing>): void {
    const { epoch, revision } = this.claim;
    const own = paid.filter((payment) => payment.epoch === epoch && payment.revision === revision);
    this.expect('the number of payments', this.payments.length, own.length);
    for (const [index, payment] of this.payments.entries()) {
      const { line, account, wallet, amountWei } = payment;
      const other = own[index];
      line.expect('account', account, other?.account ?? '');
      line.expect('wallet', wallet, other?.wallet ?? '');
      line.expect('amountWei', amountWei, other?.amountWei ?? 0n);
      const standing = standings.get(account);
      line.expect('what is left of the account', (standing?.credits ?? 0n) - (standing?.debits ?? 0n), 0n);
    }
  }

  /** E1: no leaf fell. The leaves before this epoch, which are these less what it paid; their root is known on chain. */
  previousLeaves(): Leaf[] {
    const paid = new Map<string, bigint>();
    for (const { wallet, amountWei } of this.payments) paid.set(wallet, (paid.get(wallet) ?? 0n) + amountWei);
    const previous = this.leaves
      .map((leaf) => ({ ...leaf, totalWei: leaf.totalWei - (paid.get(leaf.wallet) ?? 0n) }))
      .filter(({ totalWei }) => totalWei !== 0n);
    const fell = previous.find(({ totalWei }) => totalWei < 0n);
    if (fell) throw differs(`epoch ${this.epoch}`, `the leaf of ${fell.wallet} is less than it was paid now`);
    const again = nextLeaves(
      previous,
      this.payments.map(({ wallet, amountWei }) => ({ wallet, totalWei: amountWei })),
    );
    this.expect('leaves before and payments together', again.length, this.leaves.length);
    return previous;
  }

  expect(what: string, actual: bigint | number | string, expected: bigint | number | string): void {
    if (actual !== expected) {
      throw differs(`epoch ${this.epoch}`, `${what} is ${actual}, and should be ${expected}`);
    }
  }

  private claimOf(line: ManifestLine): EpochClaim {
    line.expect('version', line.number('version'), MANIFEST_VERSION);
    line.expect('epoch', line.number('epoch'), this.epoch);
    const [ledgerFrom, ledgerTo] = [line.number('ledgerFrom'), line.number('ledgerTo')];
    if (ledgerTo < ledgerFrom) line.fail('the epoch pays no ledger epoch');
    return {
      epoch: this.epoch,
      revision: line.number('revision'),
      chainId: line.number('chainId'),
      distributor: line.text('distributor'),
      previousRoot: line.text('previousRoot'),
      previousManifest: line.text('previousManifest'),
      root: line.text('root'),
      totalWei: line.wei('totalWei'),
      leafCount: line.number('leaves'),
      ledgerFrom,
      ledgerTo,
    };
  }

  private ledger(line: ManifestLine): void {
    line.expect('ledgerEpoch', line.number('ledgerEpoch'), this.claim.ledgerFrom + this.ledgers.length);
    this.ledgers.push(line.text('manifest'));
  }

  private payment(line: ManifestLine): void {
    const { epoch, revision } = this.claim;
    line.expect('epoch', line.number('epoch'), epoch);
    line.expect('revision', line.number('revision'), revision);
    const account = line.text('account');
    this.rising(line, account);
    const payment = {
      epoch,
      revision,
      account,
      wallet: line.text('wallet'),
      amountWei: line.wei('amountWei'),
    };
    this.payments.push({ ...payment, line });
  }

  private leaf(line: ManifestLine): void {
    const wallet = line.text('wallet');
    this.rising(line, wallet);
    this.leaves.push({ wallet, totalWei: line.wei('totalWei') });
  }

  private rising(line: ManifestLine, key: string): void {
    if (key <= this.lastKey) line.fail(`${key} is out of order or there twice`);
    this.lastKey = key;
  }
}
