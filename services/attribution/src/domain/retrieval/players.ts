/** Who owns the text of a chunk. */
export interface ChunkOwner {
  readonly recordId: string;
  readonly contributorId: string;
  readonly contributionId: string;
  readonly acceptedAt: Date;
}

/** A retrieved chunk as attribution sees it. */
export interface Chunk {
  /** Hash of what stands in the prompt. */
  readonly content: string;
  /** Absent for the caller's own text, a text that was changed, and one that was taken back. */
  readonly owner?: ChunkOwner;
}

/** Chunks that say the same count as one: copies neither earn more nor hide each other's effect. */
export interface Player {
  /** Positions among the chunks. */
  readonly chunks: readonly number[];
  /** The earliest registration among them. */
  readonly owner?: ChunkOwner;
}

/** In the order of the chunks. */
export function playersOf(chunks: readonly Chunk[]): Player[] {
  const byContent = new Map<string, number[]>();
  for (const [at, { content }] of chunks.entries()) {
    const same = byContent.get(content);
    if (same) same.push(at);
    else byContent.set(content, [at]);
  }
  return [...byContent.values()].map((positions): Player => {
    const owners = positions.flatMap((at) => chunks[at]?.owner ?? []);
    const [owner] = owners.sort(byArrival);
    return { chunks: positions, ...(owner && { owner }) };
  });
}

const byArrival = (a: ChunkOwner, b: ChunkOwner): number =>
  a.acceptedAt.getTime() - b.acceptedAt.getTime() || (a.contributionId < b.contributionId ? -1 : 1);
