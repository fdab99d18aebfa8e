import { execFile } from 'node:child_process';
import { chown } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** `nobody`: exists everywhere and owns nothing else. */
const NOBODY = 65_534;
const UNSHARE = ['--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`];

/** How to start a program that refuses to run as root, as Postgres does. */
export interface Unprivileged {
  /** The command line that starts `program` with `args`; the program keeps the process id. */
  command(program: string, args: readonly string[]): { readonly file: string; readonly args: string[] };
  /** For `spawn`. */
  readonly identity: { readonly uid?: number; readonly gid?: number };
  /** Gives a file to the identity that the program will run as. */
  own(path: string): Promise<void>;
}

/**
 * For an ordinary user: himself. For root: a user namespace in which root is called `nobody`, so that
 * folders only root may enter stay usable; where namespaces are forbidden, the user `nobody` itself,
 * who must then be able to enter the data folder and the one of the project.
 */
export async function unprivileged(): Promise<Unprivileged> {
  const asGiven = (file: string, args: readonly string[]) => ({ file, args: [...args] });
  if (process.getuid?.() !== 0) return { command: asGiven, identity: {}, own: async () => undefined };
  const namespaces = await run('unshare', [...UNSHARE, 'true']).then(
    () => true,
    () => false,
  );
  if (namespaces) {
    const command = (file: string, args: readonly string[]) => ({
      file: 'unshare',
      args: [...UNSHARE, file, ...args],
    });
    return { command, identity: {}, own: async () => undefined };
  }
  return {
    command: asGiven,
    identity: { uid: NOBODY, gid: NOBODY },
    own: (path) => chown(path, NOBODY, NOBODY),
  };
}
