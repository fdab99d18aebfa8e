import { createServer, type RequestListener, type Server } from 'node:http';

/** Limits how long a caller may take over a request; an answer may stream for as long as it needs. */
export async function listen(listener: RequestListener, port: number, host: string): Promise<Server> {
  const server = createServer({ requestTimeout: 300_000, headersTimeout: 20_000 }, listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return server;
}

/** Refuses new connections, waits for requests in flight, then cuts what is left. */
export async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}
