import { readdir, readFile } from 'node:fs/promises';

const KB_PER_MB = 1_024;

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly residentKb: number;
  readonly proportionalKb: number;
}

export interface Memory {
  /** Sum of resident sets: pages that processes share are counted in each, as Postgres shares many. */
  readonly residentMb: number;
  /** Sum of proportional sets: shared pages are counted once. */
  readonly proportionalMb: number;
}

/** Memory of a process and all its descendants (Linux). */
export async function memoryOf(pid: number): Promise<Memory> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const processes = (await Promise.all(pids.map(inspect))).flatMap((found) => found ?? []);
  const family = new Set([pid]);
  for (let grown = true; grown; ) {
    const children = processes.filter((process) => family.has(process.parent) && !family.has(process.pid));
    for (const child of children) family.add(child.pid);
    grown = children.length > 0;
  }
  const members = processes.filter((process) => family.has(process.pid));
  const sumMb = (kb: (process: Process) => number) =>
    members.reduce((sum, process) => sum + kb(process), 0) / KB_PER_MB;
  return {
    residentMb: sumMb(({ residentKb }) => residentKb),
    proportionalMb: sumMb(({ proportionalKb }) => proportionalKb),
  };
}

async function inspect(pid: number): Promise<Process | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
    const kb = (name: string, text: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
    const [residentKb, proportionalKb] = [kb('Rss', rollup), kb('Pss', rollup)];
    return { pid, parent: kb('PPid', status), residentKb, proportionalKb };
  } catch {
    // The process has ended since the listing.
    return undefined;
  }
}
