import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DomainError } from '@openledger/kernel';

export const SERVICE_TOKEN = 'service-token-of-this-bench';

interface Ports {
  readonly httpPort: number;
  readonly grpcPort: number;
}

/** A service in a process of its own, as in production. */
export class ServiceProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly ports: Ports,
  ) {}

  static async start(
    name: 'inference-gateway' | 'inference-worker',
    env: Readonly<Record<string, string>>,
  ): Promise<ServiceProcess> {
    const entry = join(import.meta.dirname, 'service-entry.js');
    const child = spawn(process.execPath, [entry, name], {
      env: {
        PATH: process.env.PATH,
        SERVICE_TOKEN,
        HTTP_PORT: '0',
        GRPC_PORT: '0',
        LOG_LEVEL: 'warn',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: child.stdout })) {
      // Logs are lines of JSON as well.
      const told = JSON.parse(line) as Partial<Ports>;
      if (told.httpPort !== undefined && told.grpcPort !== undefined) {
        child.stdout.resume();
        return new ServiceProcess(child, { httpPort: told.httpPort, grpcPort: told.grpcPort });
      }
      process.stderr.write(`${line}\n`);
    }
    throw new DomainError('unavailable', 'SERVICE_NOT_STARTED', `The ${name} ended before it was ready.`);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await ended;
  }
}
