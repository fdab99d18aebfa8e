import { EpochCheck, type EpochClaim } from '../../domain/epochs/check-epoch.js';
import { type CheckedPayment, LedgerCheck, type Standing } from '../../domain/epochs/check-ledger.js';
import type { Leaf } from '../../domain/epochs/epoch.js';
import { NO_MANIFEST } from '../../domain/epochs/manifest.js';
import { differs, type ManifestLine, ManifestReader } from '../../domain/epochs/manifest-reader.js';

/** Manifests as anybody can have them. */
export abstract class PublishedManifests {
  /** @throws DomainError MANIFEST_UNKNOWN */
  abstract epoch(epoch: number): Promise<AsyncIterable<Uint8Array>>;
  /** @throws DomainError MANIFEST_UNKNOWN */
  abstract ledgerEpoch(epoch: number): Promise<AsyncIterable<Uint8Array>>;
}

export interface RootOnChain {
  readonly root: string;
  readonly totalWei: bigint;
  readonly manifest: string;
}

/** The distributor, read by whoever verifies. Undefined for an epoch without a root that stands. */
export abstract class PublishedRoots {
  abstract root(claim: EpochClaim, epoch: number): Promise<RootOnChain | undefined>;
}

/** Lines and the SHA-256 of the bytes that they came in. */
export abstract class LineSource {
  /** Calls `take` for each line without its line feed; answers the SHA-256 of everything. */
  abstract read(bytes: AsyncIterable<Uint8Array>, take: (line: string) => void): Promise<string>;
}

export interface VerifyParts {
  readonly manifests: PublishedManifests;
  /** Without it nothing is compared with the chain. */
  readonly roots?: PublishedRoots;
  readonly lines: LineSource;
  readonly rootOf: (leaves: readonly Leaf[]) => Promise<string>;
  readonly onProgress: (text: string) => void;
}

const NO_ROOT = `0x${'0'.repeat(64)}`;

/**
 * Recomputes an epoch from what is public: every fee from tokens and price, every part from shares and policy, every account,
 * every leaf, the root, and what the chain keeps of it. Nothing of the operator's is believed but the shares and token
 * counts of each answer, which their receipts prove.
 */
export class VerifyEpoch {
  constructor(private readonly parts: VerifyParts) {}

  /**
   * Answers the root that follows.
   * @throws DomainError EPOCH_DIFFERS that names the first difference, MANIFEST_UNKNOWN
   */
  async run(epoch: number): Promise<string> {
    const { onProgress, manifests } = this.parts;
    const check = new EpochCheck(epoch);
    const digest = await this.readLines(`epoch ${epoch}`, await manifests.epoch(epoch), (line) =>
      check.take(line),
    );
    check.checkSums();
    onProgress(`epoch ${epoch}: ${check.leaves.length} leaves, ${check.claim.totalWei} wei`);
    const { paid, standings } = await this.checkLedgers(check);
    check.checkPayments(paid, standings);
    check.expect('the root of the leaves', check.claim.root, await this.parts.rootOf(check.leaves));
    const before = check.previousLeaves();
    const previousRoot = before.length === 0 ? NO_ROOT : await this.parts.rootOf(before);
    check.expect('previousRoot', check.claim.previousRoot, previousRoot);
    onProgress(`epoch ${epoch}: root ${check.claim.root} follows from leaves and payments`);
    await this.compareWithChain(check, `0x${digest}`);
    return check.claim.root;
  }

  private async checkLedgers(
    check: EpochCheck,
  ): Promise<{ paid: CheckedPayment[]; standings: ReadonlyMap<string, Standing> }> {
    const { ledgerFrom } = check.claim;
    const standings = new Map<string, Standing>();
    const paid: CheckedPayment[] = [];
    let previous = ledgerFrom === 1 ? NO_MANIFEST : undefined;
    for (const [index, manifest] of check.ledgers.entries()) {
      const number = ledgerFrom + index;
      const ledger = new LedgerCheck(number, previous, standings);
      const bytes = await this.parts.manifests.ledgerEpoch(number);
      const digest = await this.readLines(`ledger epoch ${number}`, bytes, (line) => ledger.take(line));
      ledger.end();
      check.expect(`the manifest of ledger epoch ${number}`, digest, manifest);
      this.parts.onProgress(`ledger epoch ${number}: ${ledger.checkedAnswers} answers`);
      for (const payment of ledger.payments) paid.push(payment);
      previous = digest;
    }
    return { paid, standings };
  }

  private async compareWithChain(check: EpochCheck, manifest: string): Promise<void> {
    const { roots, onProgress } = this.parts;
    const { claim } = check;
    if (!roots) {
      onProgress('not compared with the chain: no endpoint was given');
      return;
    }
    const posted = await roots.root(claim, claim.epoch);
    if (!posted) throw differs(`epoch ${claim.epoch}`, 'its root is not on chain, or was disabled');
    check.expect('the root on chain', posted.root, claim.root);
    check.expect('the total on chain', posted.totalWei, claim.totalWei);
    check.expect('the manifest on chain', posted.manifest, manifest);
    const before = await roots.root(claim, claim.epoch - 1);
    check.expect('the root before on chain', before?.root ?? NO_ROOT, claim.previousRoot);
    check.expect('the manifest before on chain', before?.manifest ?? NO_ROOT, claim.previousManifest);
    onProgress(`epoch ${claim.epoch}: as on chain ${claim.chainId}, distributor ${claim.distributor}`);
  }

  private readLines(
    name: string,
    bytes: AsyncIterable<Uint8Array>,
    take: (line: ManifestLine) => void,
  ): Promise<string> {
    const reader = new ManifestReader(name);
    return this.parts.lines.read(bytes, (line) => take(reader.read(line)));
  }
}
