import type { IncomingMessage } from 'node:http';

/** How long a refused upload may go on; the caller reads the refusal meanwhile. */
const DRAIN_MS = 30_000;

/** Reads on without keeping anything, so that a caller in the middle of sending gets to the answer. */
export function drainUpload(request: IncomingMessage): void {
  if (request.readableEnded || request.destroyed) return;
  const { socket } = request;
  const timer = setTimeout(() => socket.destroy(), DRAIN_MS);
  const ended = () => {
    clearTimeout(timer);
    socket.off('close', ended);
  };
  request.once('end', ended);
  // Once it is answered, the request itself is not told when its connection closes.
  socket.once('close', ended);
  request.on('error', () => undefined);
  request.resume();
}
