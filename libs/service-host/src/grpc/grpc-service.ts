import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type ServerUnaryCall,
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
}

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
  return (call) => {
    const signal = signalOf(call);
    const run = async (): Promise<void> => {
      admit(context, call.metadata);
      for await (const message of handle(call.request, { metadata: call.metadata, signal })) {
        if (signal.aborted) return;
        if (!call.write(message)) await drained(call, signal);
      }
      call.end();
    };
    run().catch((error: unknown) => {
      if (!signal.aborted) call.emit('error', toStatus(error, context.log));
    });
  };
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

function signalOf<A, B>(call: ServerUnaryCall<A, B> | ServerWritableStream<A, B>): AbortSignal {
  const controller = new AbortController();
  call.on('cancelled', () => controller.abort());
  return controller.signal;
}

function drained<A, B>(call: ServerWritableStream<A, B>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    call.once('drain', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
