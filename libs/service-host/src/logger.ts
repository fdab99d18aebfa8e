import { type DestinationStream, type Logger, pino } from 'pino';

/** Structured logs on standard output; credentials are never printed, wherever they turn up. */
export function createLogger(
  service: string,
  level: string,
  destination: DestinationStream = pino.destination(1),
): Logger {
  const options = {
    level,
    base: { service },
    serializers: { err: errorWithoutSecrets },
    redact: {
      paths: [
        'credential',
        'secret',
        'password',
        'token',
        'authorization',
        '*.authorization',
        '*.credential',
        '*.secret',
      ],
      censor: '[redacted]',
    },
  };
  return pino(options, destination);
}

/** Clients of HTTP hang what they sent and got on their errors. */
const EXCHANGE = new Set(['request', 'response', 'info']);

function errorWithoutSecrets(error: Error): object {
  const told = Object.entries(pino.stdSerializers.err(error)).filter(([name]) => !EXCHANGE.has(name));
  return Object.fromEntries(
    told.map(([name, value]) => [name, typeof value === 'string' ? withoutSecrets(value) : value]),
  );
}

/** Addresses of servers stay, what may be a key does not: user, password, path and query. */
function withoutSecrets(text: string): string {
  return text
    .replaceAll(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/"'@]+@/gi, '$1[redacted]@')
    .replaceAll(/\b((?:https?|wss?):\/\/[^\s/"']+)\/[^\s"')]+/gi, '$1/[redacted]');
}
