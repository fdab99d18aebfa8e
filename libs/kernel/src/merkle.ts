import { createHash } from 'node:crypto';
import { invariant } from './errors.js';
import type { Sha256 } from './hash.js';

/**
 * Merkle tree hash of RFC 6962 section 2.1 over leaf digests: leaves and inner nodes are hashed with
 * different prefixes, so an inner node can never pass for a leaf, and the order of leaves matters.
 */
export function merkleRoot(leaves: readonly Sha256[]): Sha256 {
  invariant(leaves.length > 0, 'a Merkle tree needs a leaf');
  let level = leaves.map((leaf) => prefixed(0, Buffer.from(leaf, 'hex')));
  while (level.length > 1) {
    const next: Buffer[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const left = level[i];
      const right = level[i + 1];
      invariant(left, 'level is dense');
      next.push(right ? prefixed(1, left, right) : left);
    }
    level = next;
  }
  const [root] = level;
  invariant(root, 'a tree has a root');
  return root.toString('hex');
}

function prefixed(prefix: number, ...parts: Buffer[]): Buffer {
  const hash = createHash('sha256').update(Uint8Array.of(prefix));
  for (const part of parts) hash.update(part);
  return hash.digest();
}
