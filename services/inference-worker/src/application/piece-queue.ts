import type { GenerationPiece } from './generation.js';

/** Pieces on their way from the engine to one reader; never longer than the longest answer. */
export class PieceQueue {
  private readonly pieces: GenerationPiece[] = [];
  private ended: { readonly error: Error | undefined } | undefined;
  private wake: () => void = () => undefined;

  push(piece: GenerationPiece): void {
    this.pieces.push(piece);
    this.wake();
  }

  end(error?: Error): void {
    this.ended ??= { error };
    this.wake();
  }

  async *read(): AsyncGenerator<GenerationPiece> {
    for (;;) {
      const piece = this.pieces.shift();
      if (piece) yield piece;
      else if (this.ended?.error) throw this.ended.error;
      else if (this.ended) return;
      else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}
