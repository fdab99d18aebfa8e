import { createServer, type RequestListener, type Server } from 'node:http';
import { DomainError } from '@openledger/kernel';

/** First path segment → the service that answers it; an Ingress does the same in a cluster. */
export type Routes = ReadonlyMap<string, RequestListener>;

export interface Front {
  readonly port: number;
  close(): Promise<void>;
}

/** One port for all services of the process. Requests are handed over, not proxied. */
export async function startFront(routes: Routes, host: string, port: number): Promise<Front> {
  const server = createServer({ requestTimeout: 300_000, headersTimeout: 20_000 }, (request, response) => {
    const [, segment = ''] = (request.url ?? '/').split(/[/?]/);
    const listener = routes.get(segment) ?? routes.get('');
    listener?.(request, response);
  });
  await listen(server, host, port);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () => close(server),
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') return reject(error);
      const message = `Port ${port} is taken: start with --port and another number.`;
      reject(new DomainError('conflict', 'PORT_TAKEN', message, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), 10_000);
  await closed;
  clearTimeout(timer);
}
