import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '@openledger/kernel';

/** Holds a data folder for this process; a second platform on the same folder would tear it apart. */
export async function lockDataFolder(dir: string): Promise<() => Promise<void>> {
  await mkdir(dir, { recursive: true });
  const file = join(dir, 'running.pid');
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const handle = await open(file, 'wx');
      await handle.writeFile(String(process.pid));
      await handle.close();
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = Number(await readFile(file, 'utf8').catch(() => ''));
      if (isAlive(holder)) {
        throw new DomainError(
          'conflict',
          'DATA_FOLDER_IN_USE',
          `${dir} is used by process ${holder}: stop it, or start with --data and another folder.`,
        );
      }
      await rm(file, { force: true });
    }
  }
  throw new DomainError(
    'conflict',
    'DATA_FOLDER_IN_USE',
    `${dir} is being taken by another process: try again.`,
  );
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
