import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { DomainError } from '@openledger/kernel';
import { peersPython, root } from '../repository.js';

export interface PeftOptions {
  readonly model: string;
  readonly rank: number;
  readonly alpha: number;
  readonly target_modules: readonly string[];
  readonly rows: number;
  readonly length: number;
  readonly threads: number;
  readonly steps: number;
  readonly warmup: number;
  readonly seed: number;
}

/** PyTorch with PEFT in a process of its own, which takes one step when told to. */
export class PeftPeer {
  private readonly answers: AsyncIterator<string>;

  private constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    lines: Interface,
  ) {
    this.answers = lines[Symbol.asyncIterator]();
  }

  /** Resolves when its warm-up steps are done. */
  static async start(options: PeftOptions): Promise<PeftPeer> {
    const child = spawn(peersPython, ['bench/peers/train_step.py'], { cwd: root });
    child.on('error', () => undefined);
    const peer = new PeftPeer(child, createInterface({ input: child.stdout }));
    child.stdin.write(`${JSON.stringify({ ...options, interactive: true })}\n`);
    await peer.line();
    return peer;
  }

  /** Milliseconds of one step. */
  async step(): Promise<number> {
    this.child.stdin.write('step\n');
    return Number(await this.line());
  }

  /** Ends the process; its versions. */
  async end(): Promise<Record<string, string>> {
    this.child.stdin.write('end\n');
    const last = JSON.parse(await this.line()) as { versions?: Record<string, string> };
    return last.versions ?? {};
  }

  private async line(): Promise<string> {
    const { value, done } = await this.answers.next();
    if (done !== true) return value;
    const message = 'The Python peer ended: install it with bench/peers/install.sh and run the bench again.';
    throw new DomainError('unavailable', 'PEER_UNAVAILABLE', message);
  }
}
