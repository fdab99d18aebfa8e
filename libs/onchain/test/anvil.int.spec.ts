import { fork } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type LocalChain, startAnvil } from '../src/index.js';

const ACCOUNT = '0x000000000000000000000000000000000000dEaD';

describe('startAnvil', () => {
  let folder: string;
  let chain: LocalChain | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'anvil-'));
  });
  afterEach(async () => {
    await chain?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('continues where it was stopped', async () => {
    const statePath = join(folder, 'chain.json');
    chain = await startAnvil({ statePath });
    await chain.setBalance(ACCOUNT, 42n);
    await chain.provider.send('evm_mine', []);
    const hash = (await chain.provider.getBlock('latest'))?.hash;
    await chain.stop();

    chain = await startAnvil({ statePath });
    expect((await chain.provider.getBlock('latest'))?.hash).toBe(hash);
    expect(await chain.provider.getBalance(ACCOUNT)).toBe(42n);
    await chain.provider.send('evm_mine', []);
    expect((await chain.provider.getBlock('latest'))?.parentHash).toBe(hash);
  });

  it('keeps a checkpoint through kill -9, and ignores a dump that was cut off', async () => {
    const statePath = join(folder, 'chain.json');
    chain = await startAnvil({ statePath });
    await chain.provider.send('evm_mine', []);
    await chain.checkpoint();
    process.kill(chain.pid, 'SIGKILL');
    await until(() => !alive(chain?.pid ?? 0));
    await chain.stop();
    const whole = await readFile(statePath, 'utf8');
    await writeFile(`${statePath}.exit`, whole.slice(0, whole.length / 2));

    chain = await startAnvil({ statePath });
    expect(await chain.provider.getBlockNumber()).toBe(1);
  });

  it('ends with its parent, even when that is killed, and loses no block', async () => {
    const statePath = join(folder, 'chain.json');
    const parent = fork(new URL('./anvil-parent.js', import.meta.url), [statePath]);
    const pid = await new Promise<number>((resolve) =>
      parent.once('message', (message) => resolve(Number(message))),
    );
    parent.kill('SIGKILL');
    await until(() => !alive(pid));

    chain = await startAnvil({ statePath });
    expect(await chain.provider.getBlockNumber()).toBe(3);
  });
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(holds: () => boolean, limitMs = 5_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('it did not happen in time');
    await delay(20);
  }
}
