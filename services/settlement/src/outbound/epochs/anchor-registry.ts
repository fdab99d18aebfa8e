import { ATTRIBUTION_STREAM, type AttributionRegistry, RecordTree } from '@openledger/onchain';
import { AnchorContracts } from '../../application/epochs/anchor-ports.js';
import type { ContractCall } from '../../application/epochs/epoch-ports.js';
import { type AnchoredManifest, type ManifestAnchor, positionOf } from '../../domain/epochs/anchor.js';

/** The stream of attribution in the registry. */
export class AnchorRegistry extends AnchorContracts {
  constructor(private readonly registry: AttributionRegistry) {
    super();
  }

  publisher(): Promise<string> {
    return this.registry.publisher();
  }

  async next(): Promise<number> {
    return (await this.registry.stream(ATTRIBUTION_STREAM)).next + 1;
  }

  rootOf(manifests: readonly AnchoredManifest[]): string {
    const leaves = manifests.map(({ ledgerEpoch, manifest }) => ({
      number: ledgerEpoch,
      hash: `0x${manifest}`,
    }));
    return RecordTree.of(leaves).root;
  }

  anchor({ from, to, root, manifest }: ManifestAnchor): ContractCall {
    return this.registry.anchor({
      stream: ATTRIBUTION_STREAM,
      root,
      from: positionOf(from),
      to: positionOf(to) + 1,
      count: to - from + 1,
      manifest: `0x${manifest}`,
    });
  }
}
