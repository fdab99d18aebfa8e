import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

/** What Anvil writes by itself when it is told to end. Not written atomically, so it is only believed if whole. */
export const exitDumpPath = (statePath: string): string => `${statePath}.exit`;

/** Stores the answer of `anvil_dumpState` (gzipped JSON in hex) so that a crash leaves the old or the new file. */
export async function writeSnapshot(statePath: string, dump: string): Promise<void> {
  const json = await promisify(gunzip)(Buffer.from(dump.slice(2), 'hex'));
  await mkdir(dirname(statePath), { recursive: true });
  const fresh = `${statePath}.new`;
  const file = await open(fresh, 'w');
  try {
    await file.writeFile(json);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, statePath);
}

/** The newest whole state on disk, by block number; undefined on a first start. */
export async function newestState(statePath: string): Promise<string | undefined> {
  const found: { path: string; block: number }[] = [];
  for (const path of [statePath, exitDumpPath(statePath)]) {
    const block = await blockNumberOf(path);
    if (block !== undefined) found.push({ path, block });
  }
  return found.sort((a, b) => b.block - a.block)[0]?.path;
}

async function blockNumberOf(path: string): Promise<number | undefined> {
  try {
    const state: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof state !== 'object' || state === null || !('best_block_number' in state)) return undefined;
    return Number(state.best_block_number);
  } catch {
    // Missing, or cut off by a crash: the other file is used.
    return undefined;
  }
}
