import type { ServedAdapter } from '@openledger/transformer';
import type { PlainError } from './engine-messages.js';
import type { AdapterReference } from './generation.js';

/** An adapter in memory; the object is the adapter's identity within a step. */
export type HeldAdapter = ServedAdapter;

/** What the engine's thread is asked about adapters. */
export type AdapterOrder =
  | { readonly kind: 'adapter'; readonly digest: string; readonly adapter: HeldAdapter }
  | { readonly kind: 'adapter-failed'; readonly digest: string; readonly error: PlainError };

/** What the engine's thread tells of adapters. */
export type AdapterReport = { readonly kind: 'wanted'; readonly adapter: AdapterReference };
