import { readdir, readFile } from 'node:fs/promises';

const KB_PER_MB = 1_024;

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** Proportional set size: shared pages are counted once over all processes, as Postgres shares many. */
  readonly kb: number;
}

/** Memory of a process and all its descendants, MB (Linux). */
export async function residentMb(pid: number): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const processes = (await Promise.all(pids.map(inspect))).flatMap((found) => found ?? []);
  const family = new Set([pid]);
  for (let grown = true; grown; ) {
    const children = processes.filter((process) => family.has(process.parent) && !family.has(process.pid));
    for (const child of children) family.add(child.pid);
    grown = children.length > 0;
  }
  const kb = processes
    .filter((process) => family.has(process.pid))
    .reduce((sum, process) => sum + process.kb, 0);
  return kb / KB_PER_MB;
}

async function inspect(pid: number): Promise<Process | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
    const parent = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]);
    return { pid, parent, kb: Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) };
  } catch {
    // The process has ended since the listing.
    return undefined;
  }
}
