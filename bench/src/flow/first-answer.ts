import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DomainError } from '@openledger/kernel';
import type { Bench } from '../bench.js';
import { root } from '../repository.js';
import { memoryOf } from './resident-memory.js';

const LIMIT_MS = 600_000;
const IDLE_MS = 15_000;
const STOP_LIMIT_MS = 60_000;

/** What somebody waits for who has just typed `npm start`: the first answer attributed, settled and claimed. */
export const flowFirstAnswer: Bench = {
  name: 'flow.first-answer',
  summary: 'from npm start on an empty folder to the first attributed, settled and claimed answer',
  async run({ log }) {
    const dataDir = await mkdtemp(join(tmpdir(), 'openledger-bench-'));
    const begun = performance.now();
    const child = spawn('npm', ['start', '--', '--data', dataDir, '--port', '0', '--grpc-port', '0'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    try {
      const seconds = await untilReady(child, begun, log);
      log(`ready after ${seconds.toFixed(1)} s; measuring memory after ${IDLE_MS / 1_000} s without work`);
      await delay(IDLE_MS);
      const { residentMb, proportionalMb } = await memoryOf(child.pid ?? 0);
      return { seconds, idle_rss_mb: residentMb, idle_pss_mb: proportionalMb };
    } finally {
      await stop(child, dataDir);
      await rm(dataDir, { recursive: true, force: true });
    }
  },
};

function untilReady(child: ChildProcess, begun: number, log: (line: string) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new DomainError('unavailable', 'PLATFORM_NOT_READY', why));
    const timer = setTimeout(() => fail(`not ready after ${LIMIT_MS / 1_000} s`), LIMIT_MS);
    let claimedAt: number | undefined;
    child.stdout?.on('data', (chunk: Buffer) => {
      for (const line of chunk
        .toString()
        .split('\n')
        .filter((text) => text.trim() !== '')) {
        const seconds = (performance.now() - begun) / 1_000;
        log(`${seconds.toFixed(1).padStart(6)} s  ${line}`);
        if (line.includes(' claims')) claimedAt ??= seconds;
        if (line.trim() === 'Ready' && claimedAt !== undefined) {
          clearTimeout(timer);
          resolve(claimedAt);
        }
      }
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      fail(`npm start ended with code ${code}`);
    });
  });
}

/** Signals the whole process group; npm ends before the platform does, which gives its folder up last. */
async function stop(child: ChildProcess, dataDir: string): Promise<void> {
  if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
  const deadline = performance.now() + STOP_LIMIT_MS;
  while (existsSync(join(dataDir, 'running.pid')) && performance.now() < deadline) await delay(100);
}
