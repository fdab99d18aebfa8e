import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

const main = join(import.meta.dirname, '..', 'src', 'main.js');

/** The platform as its users start it: a process of its own. */
export class PlatformProcess {
  private output = '';

  private constructor(private readonly child: ChildProcess) {
    const collect = (chunk: Buffer) => {
      this.output += chunk.toString();
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
  }

  static start(dataDir: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): PlatformProcess {
    const fixed = ['--data', dataDir, '--port', '0', '--grpc-port', '0', '--log', 'error'];
    const child = spawn(process.execPath, [main, ...fixed, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new PlatformProcess(child);
  }

  get log(): string {
    return this.output;
  }

  /** The REST address, once the platform serves. */
  async url(withinMs = 120_000): Promise<string> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const [, url] = /REST\s+(http:\S+)/.exec(this.output) ?? [];
      if (url !== undefined) return url;
      if (this.child.exitCode !== null || Date.now() > deadline)
        throw new Error(`not serving:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** The exit code; null after a signal that could not be handled. */
  ended(): Promise<number | null> {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
    return new Promise((resolve) => child.once('exit', resolve));
  }
}
