import type { LoadedAdapter } from '../application/adapter-messages.js';
import type { AdapterReference } from '../application/generation.js';
import type { PlainError } from '../application/plain-error.js';
import type { LoadLimits, LoadTarget } from './load-adapter.js';

/** What the loader's thread is started with. */
export interface LoaderWorkerData {
  readonly blobDir: string;
  readonly disk: { readonly dir: string; readonly bytesMax: number } | undefined;
  readonly limits: LoadLimits;
}

export interface LoaderOrder {
  readonly id: number;
  readonly reference: AdapterReference;
  readonly target: LoadTarget;
}

/** What the loader's thread tells. */
export type LoaderReport =
  | { readonly kind: 'loaded'; readonly id: number; readonly loaded: LoadedAdapter }
  | { readonly kind: 'failed'; readonly id: number; readonly error: PlainError }
  | { readonly kind: 'disk'; readonly bytes: number; readonly evictions: number }
  | { readonly kind: 'disk-failed'; readonly message: string };
