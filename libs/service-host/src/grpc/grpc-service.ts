import type { EventEmitter } from 'node:events';
import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type ServerDuplexStream,
  type ServerWritableStream,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { SERVICE_TOKEN_HEADER, SERVICE_TOKEN_INVALID, sameSecret } from '@openledger/auth';
import { DomainError } from '@openledger/kernel';
import type { Logger } from 'pino';
import { toStatus } from './grpc-error.js';

export interface GrpcService {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

export interface GrpcCall {
  readonly metadata: Metadata;
  /** Aborted when the caller cancels or goes away. */
  readonly signal: AbortSignal;
}

export interface GrpcContext {
  readonly log: Logger;
  /** Set for services that only the platform itself may call. */
  readonly serviceToken?: string;
  /** How long a reader of a stream may keep it waiting; {@link DRAIN_TIMEOUT_MS} when absent. */
  readonly drainTimeoutMs?: number;
}

const DRAIN_TIMEOUT_MS = 120_000;

/** Turns an async function into a unary method; what it throws becomes a status in one place. */
export function unary<Request, Response>(
  context: GrpcContext,
  handle: (request: Request, call: GrpcCall) => Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const run = async (): Promise<Response> => {
      admit(context, call.metadata);
      return handle(call.request, { metadata: call.metadata, signal: signalOf(call) });
    };
    run().then(
      (response) => callback(null, response),
      (error: unknown) => callback(toStatus(error, context.log)),
    );
  };
}

/**
 * Turns an async generator into a server-streaming method. A slow reader holds the generator back; a
 * cancelled call ends it.
 */
export function serverStream<Request, Response>(
  context: GrpcContext,
  handle: (request: Request, call: GrpcCall) => AsyncIterable<Response>,
): handleServerStreamingCall<Request, Response> {
  return (call) => pump(context, call, (signal) => handle(call.request, { metadata: call.metadata, signal }));
}

/** As {@link serverStream}, for a method whose requests stream as well. */
export function bidiStream<Request, Response>(
  context: GrpcContext,
  handle: (requests: AsyncIterable<Request>, call: GrpcCall) => AsyncIterable<Response>,
): handleBidiStreamingCall<Request, Response> {
  return (call) => {
    // Whoever waits for the next request learns that there will be none.
    call.once('cancelled', () => call.destroy());
    const requests: AsyncIterable<Request> = call.iterator({ destroyOnReturn: false });
    pump(context, call, (signal) => handle(requests, { metadata: call.metadata, signal }));
  };
}

function pump<Request, Response>(
  context: GrpcContext,
  call: StreamingCall<Request, Response>,
  handle: (signal: AbortSignal) => AsyncIterable<Response>,
): void {
  const signal = signalOf(call);
  const run = async (): Promise<void> => {
    admit(context, call.metadata);
    for await (const message of handle(signal)) {
      if (signal.aborted) return;
      if (!call.write(message)) await drained(call, signal, context.drainTimeoutMs ?? DRAIN_TIMEOUT_MS);
    }
    call.end();
  };
  run().catch((error: unknown) => {
    if (!signal.aborted) call.emit('error', toStatus(error, context.log));
  });
}

/** Metadata for a call to another service of the platform. */
export function serviceMetadata(serviceToken: string): Metadata {
  const metadata = new Metadata();
  metadata.set(SERVICE_TOKEN_HEADER, serviceToken);
  return metadata;
}

function admit({ serviceToken }: GrpcContext, metadata: Metadata): void {
  if (serviceToken === undefined) return;
  const [presented] = metadata.get(SERVICE_TOKEN_HEADER);
  if (typeof presented === 'string' && sameSecret(presented, serviceToken)) return;
  throw new DomainError(
    'unauthenticated',
    SERVICE_TOKEN_INVALID,
    'Only services of the platform may call this.',
  );
}

type StreamingCall<A, B> = ServerWritableStream<A, B> | ServerDuplexStream<A, B>;

function signalOf(call: EventEmitter): AbortSignal {
  const controller = new AbortController();
  call.on('cancelled', () => controller.abort());
  return controller.signal;
}

/** @throws DomainError READER_TOO_SLOW: what works for this reader is let go */
function drained<A, B>(call: StreamingCall<A, B>, signal: AbortSignal, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (error?: DomainError) => {
      clearTimeout(timer);
      call.off('drain', end);
      signal.removeEventListener('abort', abort);
      if (error) reject(error);
      else resolve();
    };
    const abort = () => end();
    const timer = setTimeout(() => {
      const message = `Nothing of the answer was read for ${timeoutMs} ms.`;
      end(new DomainError('exhausted', 'READER_TOO_SLOW', message));
    }, timeoutMs);
    call.once('drain', end);
    signal.addEventListener('abort', abort, { once: true });
  });
}
