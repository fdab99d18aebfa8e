import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { writeTinyModel } from '@openledger/testing/tiny-model';
import { NativeThread } from '../src/index.js';

const run = promisify(execFile);
const endThreads = fileURLToPath(new URL('./end-threads.js', import.meta.url));

describe('NativeThread', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'threads-'));
    await writeTinyModel(dir);
  });
  afterAll(() => rm(dir, { recursive: true }));

  it.each([
    ['loads', 'entered', 'starts'],
    ['loads', 'opened', 'loads a model'],
    ['runs', 'opened', 'runs a model'],
  ])(
    'that %s, from %s on, ends while it %s, and the process lives',
    async (busyWith, from) => {
      const { stdout } = await run(process.execPath, [endThreads, dir, busyWith, from]);
      expect(stdout).toBe('8 ended\n');
    },
    60_000,
  );

  const burst = (words: number) => new NativeThread(new URL('./burst-entry.js', import.meta.url), { words });

  it('is heard to the last word', async () => {
    const thread = burst(1_000);
    const heard: unknown[] = [];
    thread.on('message', (word) => heard.push(word));
    await once(thread, 'message');
    await thread.end();
    expect(heard).toEqual(Array.from({ length: 1_000 }, (_, word) => word));
  });

  it('ends by itself when it has nothing left to do, and can still be asked to', async () => {
    const thread = burst(0);
    const exited = once(thread, 'exit');
    thread.postMessage('close');
    expect(await exited).toEqual([0]);
    await thread.end();
    expect(await thread.terminate()).toBe(0);
  });

  it('is ended before it was entered', async () => {
    const thread = burst(1);
    const [code] = await Promise.all([thread.terminate(), thread.end()]);
    expect(code).toBe(0);
  });
});
