import { canonicalJson, sha256 } from '@openledger/kernel';
import type { KvCache } from '@openledger/transformer';
import { BLOCK_TOKENS, blockNames, PrefixCache } from '../domain/scheduling/prefix-cache.js';
import type { RowWork } from './row.js';

/**
 * Keys and values of prompts read earlier. What is kept was computed in whole chunks at fixed places of a
 * prompt, and is used for whole chunks at the same places, so an answer is the same to the last bit whether
 * or not they were found. Tokens that were decoded are not kept: decoding rounds otherwise than reading.
 */
export class PromptBlocks {
  private readonly cache: PrefixCache;
  /** Prompt tokens looked for and found, since the start. */
  queriedTokens = 0;
  hitTokens = 0;

  constructor(
    private readonly chunkTokens: number,
    bytesMax: number,
  ) {
    this.cache = new PrefixCache(bytesMax);
  }

  get bytes(): number {
    return this.cache.bytes;
  }

  get size(): number {
    return this.cache.size;
  }

  /** Names that only a prompt of the same tenant, adapters and weights has. */
  namesOf({ tenant, tokens, adapters, digests }: RowWork): readonly string[] {
    const weights = adapters.map(({ weight }, index) => [digests[index] ?? '', weight]);
    return blockNames(sha256(canonicalJson({ tenant, weights })), tokens);
  }

  /** Appends all that is there from `start` on to a row's own cache; tells how many tokens of at most `most`. */
  give(names: readonly string[], start: number, { most, cache }: { most: number; cache: KvCache }): number {
    const found: Float32Array[] = [];
    let tokens = 0;
    while (tokens + this.chunkTokens <= most) {
      const wanted = this.chunk(names, start + tokens);
      const blocks = wanted && this.cache.find(wanted);
      if (!blocks) break;
      found.push(...blocks);
      tokens += this.chunkTokens;
    }
    // At once: strips grow by copying.
    if (tokens > 0) cache.reserve(start + tokens);
    for (const block of found) cache.appendCopy(0, block);
    this.hitTokens += tokens;
    return tokens;
  }

  /** Keeps the chunk that begins at `start` of a row's own cache, where it is a whole one. */
  keep(names: readonly string[], start: number, cache: KvCache): void {
    for (const [index, name] of (this.chunk(names, start) ?? []).entries()) {
      const block = start / BLOCK_TOKENS + index;
      const parent = block === 0 ? undefined : names[block - 1];
      if (!this.cache.takes(name, parent)) continue;
      this.cache.put(name, parent, cache.copyOut(0, block * BLOCK_TOKENS, BLOCK_TOKENS));
    }
  }

  private chunk(names: readonly string[], start: number): readonly string[] | undefined {
    const wanted = names.slice(start / BLOCK_TOKENS, (start + this.chunkTokens) / BLOCK_TOKENS);
    return wanted.length * BLOCK_TOKENS === this.chunkTokens ? wanted : undefined;
  }
}
