import { sha256 } from '@openledger/kernel';

/** Tokens of a block: few enough that most of a shared prefix is in whole blocks. */
export const BLOCK_TOKENS = 64;

/**
 * Names of the whole blocks of a prompt, each by its tokens and all that is before it, so that equal names
 * mean equal keys and values. `root` stands for whatever else they depend on.
 */
export function blockNames(root: string, tokens: readonly number[]): readonly string[] {
  const names: string[] = [];
  let parent = root;
  for (let end = BLOCK_TOKENS; end <= tokens.length; end += BLOCK_TOKENS) {
    parent = sha256(`${parent} ${tokens.slice(end - BLOCK_TOKENS, end).join()}`);
    names.push(parent);
  }
  return names;
}

interface Block {
  readonly parent: Block | undefined;
  readonly data: Float32Array;
  /** Blocks that continue this one: it is of no use to them when it is gone. */
  children: number;
}

/**
 * Blocks of keys and values by name, within a bound of bytes. What goes first is the least recently used
 * block that no other continues. Readers copy, so a block can go at any time.
 */
export class PrefixCache {
  /** In order of last use. */
  private readonly blocks = new Map<string, Block>();
  private used = 0;

  constructor(private readonly bytesMax: number) {}

  get bytes(): number {
    return this.used;
  }

  get size(): number {
    return this.blocks.size;
  }

  /** The blocks of all these names, or nothing. */
  find(names: readonly string[]): readonly Float32Array[] | undefined {
    const found = names.map((name) => this.blocks.get(name));
    if (!found.every((block) => block !== undefined)) return undefined;
    // From the last, so that a block is never less recent than one that continues it.
    for (const name of [...names].reverse()) this.touch(name);
    return found.map(({ data }) => data);
  }

  /** Whether a block would find its place: the one that it continues is here. */
  takes(name: string, parent: string | undefined): boolean {
    return !this.blocks.has(name) && (parent === undefined || this.blocks.has(parent));
  }

  /** Adds a block after its `parent`, the block before it; the first of a prompt has none. */
  put(name: string, parent: string | undefined, data: Float32Array): void {
    if (!this.takes(name, parent) || data.byteLength > this.bytesMax) return;
    const before = parent === undefined ? undefined : this.blocks.get(parent);
    // Held by its new child while others make room.
    if (before) before.children += 1;
    this.blocks.set(name, { parent: before, data, children: 0 });
    this.used += data.byteLength;
    for (const [candidate, block] of this.blocks) {
      if (this.used <= this.bytesMax) return;
      if (block.children === 0 && candidate !== name) this.remove(candidate, block);
    }
    // Only its own ancestors are left.
    const own = this.blocks.get(name);
    if (own && this.used > this.bytesMax) this.remove(name, own);
  }

  private remove(name: string, block: Block): void {
    this.blocks.delete(name);
    this.used -= block.data.byteLength;
    if (block.parent) block.parent.children -= 1;
  }

  private touch(name: string): void {
    const block = this.blocks.get(name);
    if (!block) return;
    this.blocks.delete(name);
    this.blocks.set(name, block);
  }
}
