import { DomainError } from '@openledger/kernel';
import type { GenerationPiece } from './generation.js';

export interface PieceFlow {
  /** Pieces that may wait to be read before no more are wanted. */
  readonly piecesMax: number;
  /** How long they may wait so. */
  readonly stallMs: number;
  /** No more pieces, please; what is on its way still comes. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** The reader has kept the queue full for too long and gets an error. */
  readonly stalled: () => void;
  /** Told after each time the queue was full. */
  readonly heldBack: (seconds: number) => void;
}

/** Pieces on their way from the engine to one reader, who holds the engine back when it does not read. */
export class PieceQueue {
  private readonly pieces: GenerationPiece[] = [];
  private ended: { readonly error: Error | undefined } | undefined;
  private full: { readonly sinceMs: number; readonly timer: NodeJS.Timeout } | undefined;
  private wake: () => void = () => undefined;

  constructor(private readonly flow: PieceFlow) {}

  push(piece: GenerationPiece): void {
    if (this.ended) return;
    this.pieces.push(piece);
    if (this.pieces.length >= this.flow.piecesMax && !this.full && piece.finishReason === '') this.close();
    this.wake();
  }

  end(error?: Error): void {
    this.ended ??= { error };
    this.open();
    this.wake();
  }

  async *read(): AsyncGenerator<GenerationPiece> {
    for (;;) {
      const piece = this.pieces.shift();
      if (this.full && this.pieces.length <= this.flow.piecesMax / 2) {
        this.open();
        this.flow.resume();
      }
      if (piece) yield piece;
      else if (this.ended?.error) throw this.ended.error;
      else if (this.ended) return;
      else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  private close(): void {
    const timer = setTimeout(() => {
      this.end(tooSlow(this.flow.stallMs));
      this.pieces.length = 0;
      this.flow.stalled();
    }, this.flow.stallMs);
    this.full = { sinceMs: performance.now(), timer };
    this.flow.pause();
  }

  private open(): void {
    if (!this.full) return;
    clearTimeout(this.full.timer);
    this.flow.heldBack((performance.now() - this.full.sinceMs) / 1_000);
    this.full = undefined;
  }
}

const tooSlow = (stallMs: number): DomainError =>
  new DomainError(
    'exhausted',
    'READER_TOO_SLOW',
    `Nothing of the answer was read for ${stallMs / 1_000} s: read it as it comes.`,
  );
