interface Node {
  readonly children: Map<number, Node>;
  readonly id: number;
  ends: boolean;
}

/** Beyond every name. */
export const OFF_TRIE = -1;

/** Names by the bytes of their UTF-8. */
export class NameTrie {
  private readonly nodes: Node[] = [{ children: new Map(), id: 0, ends: false }];

  constructor(names: Iterable<string>) {
    for (const name of names) this.add(name);
  }

  /** Where `byte` leads from `node` (0 is the root); {@link OFF_TRIE} where no name goes on like that. */
  next(node: number, byte: number): number {
    return this.nodes[node]?.children.get(byte)?.id ?? OFF_TRIE;
  }

  endsAt(node: number): boolean {
    return this.nodes[node]?.ends ?? false;
  }

  private add(name: string): void {
    let node = this.nodes[0];
    for (const byte of Buffer.from(name)) {
      let child = node?.children.get(byte);
      if (!child) {
        child = { children: new Map(), id: this.nodes.length, ends: false };
        this.nodes.push(child);
        node?.children.set(byte, child);
      }
      node = child;
    }
    if (node) node.ends = true;
  }
}
