import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { DomainError } from '@openledger/kernel';
import { peersPython, root } from './repository.js';

/** What is measured against, in a process of its own that works only when told to, so that rounds interleave. */
export class PeerProcess {
  private readonly answers: AsyncIterator<string>;

  private constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    lines: Interface,
  ) {
    this.answers = lines[Symbol.asyncIterator]();
  }

  /** A Python program below `bench/peers`, in its environment; resolves when it is ready. */
  static python(script: string, options: object, python = peersPython): Promise<PeerProcess> {
    return PeerProcess.start([python, `bench/peers/${script}`], options);
  }

  /** A Node program below `bench/peers`, on this Node; resolves when it is ready. */
  static node(script: string, options: object): Promise<PeerProcess> {
    return PeerProcess.start([process.execPath, `bench/peers/${script}`], options);
  }

  /** Milliseconds of what the word stands for. */
  async ask(word: string): Promise<number> {
    this.child.stdin.write(`${word}\n`);
    return Number(await this.line());
  }

  /** Ends the process; its versions. */
  async end(): Promise<Record<string, string>> {
    this.child.stdin.write('end\n');
    const last = JSON.parse(await this.line()) as { versions?: Record<string, string> };
    return last.versions ?? {};
  }

  private static async start([command, ...args]: readonly string[], options: object): Promise<PeerProcess> {
    const child = spawn(command ?? '', args, { cwd: root });
    child.on('error', () => undefined);
    // A peer that has ended says so by ending its output.
    child.stdin.on('error', () => undefined);
    const peer = new PeerProcess(child, createInterface({ input: child.stdout }));
    child.stdin.write(`${JSON.stringify(options)}\n`);
    await peer.line();
    return peer;
  }

  private async line(): Promise<string> {
    const { value, done } = await this.answers.next();
    if (done !== true) return value;
    const message =
      'The peer ended: install the peers with bench/peers/install.sh, those of attribution with bench/peers/attribution/install.sh, and run the bench again.';
    throw new DomainError('unavailable', 'PEER_UNAVAILABLE', message);
  }
}
