import { sha256 } from '@openledger/kernel';

const BLOCK_TOKENS = 64;
/** A worker forgets as well: what was sent longer ago than so many blocks is not counted on. */
const BLOCKS_MAX = 8_192;
const KEY_DIGITS = 32;

/** Names of a prompt's beginnings, one for each whole block; tenants and adapters share none. */
export function prefixBlocks(
  tenant: string,
  adapterDigests: readonly string[],
  promptTokens: readonly number[],
): string[] {
  const blocks: string[] = [];
  let name = sha256(`${tenant}\0${adapterDigests.join()}`);
  for (let end = BLOCK_TOKENS; end <= promptTokens.length; end += BLOCK_TOKENS) {
    name = sha256(`${name}\0${promptTokens.slice(end - BLOCK_TOKENS, end).join()}`).slice(0, KEY_DIGITS);
    blocks.push(name);
  }
  return blocks;
}

/** Which beginnings of prompts each worker has read lately. */
export class PrefixMemory {
  /** In the order of their last use. */
  private readonly sentTo = new Map<string, Set<string>>();

  sent(address: string, blocks: readonly string[]): void {
    const known = this.sentTo.get(address) ?? new Set();
    this.sentTo.set(address, known);
    // The beginning is shared by most, so it is to be forgotten last.
    for (const block of blocks.toReversed()) {
      known.delete(block);
      known.add(block);
    }
    for (const block of known) {
      if (known.size <= BLOCKS_MAX) break;
      known.delete(block);
    }
  }

  /** Tokens of the longest known beginning. */
  knownTokens(address: string, blocks: readonly string[]): number {
    const known = this.sentTo.get(address);
    if (!known) return 0;
    const unknown = blocks.findIndex((block) => !known.has(block));
    return (unknown < 0 ? blocks.length : unknown) * BLOCK_TOKENS;
  }

  forget(address: string): void {
    this.sentTo.delete(address);
  }
}
