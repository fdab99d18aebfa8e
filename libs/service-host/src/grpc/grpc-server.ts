import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { GrpcService } from './grpc-service.js';

/** Bytes of one message; large things go by content hash. */
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;

export interface RunningGrpcServer {
  readonly port: number;
  /** Refuses new calls, waits for those in flight, then cuts what is left. */
  stop(graceMs: number): Promise<void>;
}

export async function startGrpcServer(
  services: readonly GrpcService[],
  host: string,
  port: number,
): Promise<RunningGrpcServer> {
  const server = new Server({
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
  });
  for (const { definition, implementation } of services) server.addService(definition, implementation);
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, actual) => {
      if (error) reject(error);
      else resolve(actual);
    });
  });
  return { port: bound, stop: (graceMs) => stop(server, graceMs) };
}

async function stop(server: Server, graceMs: number): Promise<void> {
  const timer = setTimeout(() => server.forceShutdown(), graceMs);
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  clearTimeout(timer);
}
