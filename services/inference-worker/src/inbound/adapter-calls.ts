import type {
  PinAdapterRequest,
  PrefetchAdapterRequest,
  UnloadAdapterRequest,
  AdapterReference as WireReference,
} from '@openledger/contracts';
import { DomainError, isSha256 } from '@openledger/kernel';
import { type GrpcContext, unary } from '@openledger/service-host';
import type { AdapterReference } from '../application/generation.js';
import type { AdapterControl } from '../application/text-engine.js';

/** The part of the worker service that moves adapters. */
export function adapterCalls(context: GrpcContext, adapters: AdapterControl) {
  return {
    prefetchAdapter: unary(context, async ({ adapter }: PrefetchAdapterRequest) => {
      adapters.prefetch(toReference(adapter));
      return {};
    }),
    pinAdapter: unary(context, async ({ adapter, pinned }: PinAdapterRequest) => {
      await adapters.pin(toReference(adapter), pinned);
      return {};
    }),
    unloadAdapter: unary(context, async ({ digest }: UnloadAdapterRequest) => {
      if (!isSha256(digest)) throw malformed();
      await adapters.unload(digest);
      return {};
    }),
  };
}

/** @throws DomainError ADAPTER_REFERENCE_INVALID; digests become file names */
export function toReference(wire: WireReference | undefined): AdapterReference {
  const { digest = '', configBlob = '', weightsBlob = '' } = wire ?? {};
  if (![digest, configBlob, weightsBlob].every(isSha256)) throw malformed();
  return { digest, configBlob, weightsBlob };
}

function malformed(): DomainError {
  const message = 'An adapter is named by SHA-256 digests in hexadecimal.';
  return new DomainError('invalid', 'ADAPTER_REFERENCE_INVALID', message);
}
