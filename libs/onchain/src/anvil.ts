import { type ChildProcess, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { arch, platform } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { HDNodeWallet, type JsonRpcProvider } from 'ethers';
import { exitDumpPath, newestState, writeSnapshot } from './anvil-state.js';
import { connect } from './provider.js';

/** The published mnemonic of local development chains; its keys are public and must never hold real money. */
export const DEVELOPMENT_MNEMONIC = 'test test test test test test test test test test test junk';
/** Chain id of Anvil and Hardhat networks. */
export const LOCAL_CHAIN_ID = 31_337;

const START_LIMIT_MS = 15_000;
const STOP_LIMIT_MS = 5_000;
const SNAPSHOT_INTERVAL_MS = 250;

export interface AnvilOptions {
  /** A free port is taken when none is given. */
  readonly port?: number;
  /** File that the chain continues from; without it the chain is forgotten on stop. */
  readonly statePath?: string;
  /** Whole seconds between blocks, in milliseconds; without it each transaction is mined at once. */
  readonly blockTimeMs?: number;
  readonly mnemonic?: string;
}

/**
 * A running local chain. With `statePath`, blocks are on disk at most 250 ms after they are mined, and at once
 * after `checkpoint()` or `stop()`; when the parent dies Anvil writes its state itself. Only a machine crash can
 * drop the last blocks, which then looks to clients like a reorg.
 */
export interface LocalChain {
  readonly rpcUrl: string;
  readonly chainId: number;
  readonly pid: number;
  readonly provider: JsonRpcProvider;
  /** Gives an account ether for gas. */
  setBalance(account: string, wei: bigint): Promise<void>;
  checkpoint(): Promise<void>;
  stop(): Promise<void>;
}

/** The n-th pre-funded account of a local chain. */
export const developmentWallet = (index: number, mnemonic = DEVELOPMENT_MNEMONIC): HDNodeWallet =>
  HDNodeWallet.fromPhrase(mnemonic, undefined, `m/44'/60'/0'/0/${index}`);

/** Starts the Anvil that npm installed and waits until it answers. */
export async function startAnvil(options: AnvilOptions = {}): Promise<LocalChain> {
  const port = options.port ?? (await freePort());
  const loadFrom = options.statePath === undefined ? undefined : await newestState(options.statePath);
  const child = spawnTied(binaryPath(), anvilArguments(options, port, loadFrom));
  const rpcUrl = `http://127.0.0.1:${port}`;
  const provider = connect(rpcUrl, LOCAL_CHAIN_ID);
  try {
    await untilAnswers(provider, child.process);
  } catch (error) {
    provider.destroy();
    child.release();
    throw error;
  }

  const snapshots = new Snapshots(provider, options.statePath);
  await snapshots.take();
  // The snapshot now holds what was loaded; an old exit dump must not win over it after the next crash.
  if (options.statePath !== undefined) await rm(exitDumpPath(options.statePath), { force: true });
  snapshots.start();
  child.process.once('exit', () => {
    snapshots.pause();
    child.release();
  });

  return {
    rpcUrl,
    chainId: LOCAL_CHAIN_ID,
    pid: child.process.pid ?? 0,
    provider,
    async setBalance(account, wei) {
      await provider.send('anvil_setBalance', [account, `0x${wei.toString(16)}`]);
      await snapshots.take();
    },
    checkpoint: () => snapshots.take(),
    async stop() {
      const ended = exited(child.process);
      if (!hasExited(child.process)) await snapshots.stop();
      provider.destroy();
      child.release();
      const timely = await Promise.race([
        ended.then(() => true),
        delay(STOP_LIMIT_MS, false, { ref: false }),
      ]);
      if (!timely) child.process.kill('SIGKILL');
      await ended;
    },
  };
}

/** Writes the state whenever there are new blocks. */
class Snapshots {
  private savedBlock = -1;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly provider: JsonRpcProvider,
    private readonly statePath: string | undefined,
  ) {}

  start(): void {
    if (this.statePath === undefined) return;
    // A failed poll is retried by the next one; `take` reports to whoever asks for a checkpoint.
    this.timer = setInterval(() => void this.takeIfMoved().catch(() => {}), SNAPSHOT_INTERVAL_MS);
    this.timer.unref();
  }

  take(): Promise<void> {
    const path = this.statePath;
    if (path === undefined) return Promise.resolve();
    const next = this.running
      .catch(() => {})
      .then(async () => {
        const block = await this.provider.getBlockNumber();
        await writeSnapshot(path, String(await this.provider.send('anvil_dumpState', [])));
        this.savedBlock = block;
      });
    this.running = next;
    return next;
  }

  pause(): void {
    clearInterval(this.timer);
  }

  async stop(): Promise<void> {
    this.pause();
    await this.take();
  }

  private async takeIfMoved(): Promise<void> {
    if ((await this.provider.getBlockNumber()) !== this.savedBlock) await this.take();
  }
}

function anvilArguments(options: AnvilOptions, port: number, loadFrom: string | undefined): string[] {
  const given = [
    '--quiet',
    '--host',
    '127.0.0.1',
    '--port',
    String(port),
    '--chain-id',
    String(LOCAL_CHAIN_ID),
  ];
  given.push('--mnemonic', options.mnemonic ?? DEVELOPMENT_MNEMONIC);
  if (options.blockTimeMs !== undefined)
    given.push('--block-time', String(Math.max(1, options.blockTimeMs / 1_000)));
  if (loadFrom !== undefined) given.push('--load-state', loadFrom);
  if (options.statePath !== undefined) given.push('--dump-state', exitDumpPath(options.statePath));
  return given;
}

function binaryPath(): string {
  const machine = arch() === 'x64' ? 'amd64' : arch();
  const name = platform() === 'win32' ? 'anvil.exe' : 'anvil';
  return createRequire(import.meta.url).resolve(`@foundry-rs/anvil-${platform()}-${machine}/bin/${name}`);
}

interface TiedChild {
  readonly process: ChildProcess;
  /** Asks the child to end; happens by itself when this process dies, however it dies. */
  release(): void;
}

/**
 * Ties the child's life to ours through a pipe: a shell reads the pipe in the background and ends Anvil at end
 * of file, which also comes after a kill -9 of this process. Its own process group keeps Ctrl-C for us, so that
 * services can still use the chain while they stop.
 */
function spawnTied(binary: string, given: readonly string[]): TiedChild {
  if (platform() === 'win32') {
    const child = spawn(binary, given, { stdio: 'ignore', windowsHide: true });
    return { process: child, release: () => void child.kill() };
  }
  const script = 'anvil=$$; (cat <&3 >/dev/null; kill -TERM "$anvil") 2>/dev/null & exec "$0" "$@" 3<&-';
  const child = spawn('/bin/sh', ['-c', script, binary, ...given], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    detached: true,
  });
  return { process: child, release: () => child.stdio[3]?.destroy() };
}

const hasExited = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

function exited(child: ChildProcess): Promise<void> {
  if (hasExited(child)) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

async function untilAnswers(provider: JsonRpcProvider, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_LIMIT_MS;
  let spawnError: Error | undefined;
  child.once('error', (error) => {
    spawnError = error;
  });
  for (;;) {
    try {
      await provider.send('eth_chainId', []);
      return;
    } catch (cause) {
      if (spawnError || hasExited(child) || Date.now() > deadline) {
        throw new Error('Anvil did not start', { cause: spawnError ?? cause });
      }
      await delay(20);
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
