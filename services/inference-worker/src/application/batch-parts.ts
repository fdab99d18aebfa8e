import type { ModelConfig, ServingSession } from '@openledger/transformer';
import type { RowModel } from './batch-row.js';
import type { StepNote } from './engine-messages.js';
import type { GenerationPiece } from './generation.js';

export interface BatchOptions {
  readonly session: Pick<ServingSession, 'step'>;
  readonly config: ModelConfig;
  readonly model: RowModel;
  readonly rowsMax: number;
  readonly prefillChunkTokens: number;
  /** Strips of keys and values of all rows together, in tokens. */
  readonly stripTokensMax: number;
  readonly prefixCacheBytes: number;
}

/** Places of adapters in the pool that steps read. */
export interface AdapterPlaces {
  /** False while there is no room for the request's adapters beside those of rows in steps. */
  admit(id: number): boolean;
  /** Whether they are there already. */
  isPooled(id: number): boolean;
  /** The row takes no part in steps for a while. */
  suspend(id: number): void;
}

/**
 * What a batch tells of its requests; after the last piece, the embedding or a failure it knows the request
 * no more.
 */
export interface BatchListener {
  readonly piece: (id: number, piece: GenerationPiece) => void;
  readonly embedded: (id: number, values: Float32Array) => void;
  readonly failed: (id: number, error: unknown) => void;
  readonly stepped: (note: StepNote) => void;
}
