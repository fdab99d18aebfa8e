import type { RequestListener, Server } from 'node:http';
import { DomainError } from '@openledger/kernel';
import { closeServer, listen } from '@openledger/service-host';

/** First path segment → the service that answers it; an Ingress does the same in a cluster. */
export type Routes = ReadonlyMap<string, RequestListener>;

export interface Front {
  readonly port: number;
  close(): Promise<void>;
}

/** How long requests in flight may take to end when the platform stops. */
const STOP_GRACE_MS = 10_000;

/** One port for all services of the process. Requests are handed over, not proxied. */
export async function startFront(routes: Routes, host: string, port: number): Promise<Front> {
  const handOver: RequestListener = (request, response) => {
    const [, segment = ''] = (request.url ?? '/').split(/[/?]/);
    const listener = routes.get(segment) ?? routes.get('');
    listener?.(request, response);
  };
  const server = await listenOn(handOver, host, port);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () => closeServer(server, STOP_GRACE_MS),
  };
}

/** @throws DomainError PORT_TAKEN */
async function listenOn(listener: RequestListener, host: string, port: number): Promise<Server> {
  try {
    return await listen(listener, port, host);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    const message = `Port ${port} is taken: start with --port and another number.`;
    throw new DomainError('conflict', 'PORT_TAKEN', message, { cause: error });
  }
}
