import type { Env } from '@openledger/config';
import type { Service } from './service.js';
import { migrate, startService } from './start-service.js';

interface Process {
  readonly argv: readonly string[];
  readonly env: Env;
  exitCode?: number | string | null | undefined;
  once(signal: 'SIGTERM' | 'SIGINT', handle: () => void): unknown;
}

/** The body of a service's `main.ts`: `main.js` serves until a signal, `main.js migrate` migrates and ends. */
export async function runMain(service: Service, process: Process): Promise<void> {
  try {
    if (process.argv[2] === 'migrate') return await migrate(service, process.env);
    const running = await startService(service, { env: process.env });
    const stop = () => void running.stop();
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
