import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { eventually } from '../eventually.js';
import { CRASH_SCHEMA } from './tables.js';

export interface CrashOptions {
  /** An empty database. */
  readonly url: string;
  readonly runs: number;
  /** Picks the moments of the kills. */
  readonly seed: number;
  readonly log?: (line: string) => void;
}

export interface CrashResult {
  readonly runs: number;
  /** Facts committed by the service in all runs. */
  readonly events: number;
  /** Facts that never had their effect. */
  readonly lost: number;
  readonly duplicatedEffects: number;
  /** Deliveries that the inbox stopped from having a second effect: they show that kills hit. */
  readonly redelivered: number;
  /** Effects that came after a later one of their key. */
  readonly reordered: number;
}

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));
const START_TIMEOUT_MS = 30_000;
const DRAIN_TIMEOUT_MS = 60_000;
const KILL_AFTER_MIN_MS = 20;
const KILL_AFTER_SPREAD_MS = 600;

/** Kills a producing and consuming service with SIGKILL again and again, then lets one run to the end. */
export async function runCrashes(options: CrashOptions): Promise<CrashResult> {
  const random = mulberry32(options.seed);
  for (let run = 1; run <= options.runs; run++) {
    const child = await startWorker(options.url, 'produce');
    const afterMs = KILL_AFTER_MIN_MS + random() * KILL_AFTER_SPREAD_MS;
    await pause(afterMs);
    await kill(child);
    options.log?.(`run ${run} of ${options.runs}: killed after ${Math.round(afterMs)} ms`);
  }
  const client = new pg.Client({ connectionString: options.url });
  await client.connect();
  const child = await startWorker(options.url, 'drain');
  try {
    await eventually(async () => {
      const { waiting, missing } = await figures(client);
      if (waiting > 0 || missing > 0) throw new Error(`${waiting} unpublished, ${missing} without effect`);
    }, DRAIN_TIMEOUT_MS).catch(() => options.log?.('the backlog was not worked off in time'));
    const { missing: lost, duplicated: duplicatedEffects, ...found } = await figures(client);
    const { events, redelivered, reordered } = found;
    return { runs: options.runs, events, lost, duplicatedEffects, redelivered, reordered };
  } finally {
    await kill(child);
    await client.end();
  }
}

interface Figures {
  readonly waiting: number;
  readonly events: number;
  readonly missing: number;
  readonly duplicated: number;
  readonly redelivered: number;
  readonly reordered: number;
}

async function figures(client: pg.Client): Promise<Figures> {
  const s = client.escapeIdentifier(CRASH_SCHEMA);
  const { rows } = await client.query<Figures>(`
    WITH fact AS (
      SELECT key, generate_series(1, number) AS number FROM ${s}.counter
    ), later AS (
      SELECT number < max(number) OVER (PARTITION BY key ORDER BY position) AS reordered FROM ${s}.effect
    )
    SELECT (SELECT count(*)::int FROM ${s}.outbox WHERE published_at IS NULL) AS waiting,
           (SELECT count(*)::int FROM fact) AS events,
           (SELECT count(*)::int FROM fact f WHERE NOT EXISTS (
              SELECT 1 FROM ${s}.effect e WHERE e.key = f.key AND e.number = f.number)) AS missing,
           (SELECT (count(*) - count(DISTINCT event_id))::int FROM ${s}.effect) AS duplicated,
           (SELECT count(*)::int FROM ${s}.repeated) AS redelivered,
           (SELECT count(*)::int FROM later WHERE reordered) AS reordered`);
  const [row] = rows;
  if (row === undefined) throw new Error('no figures');
  return row;
}

async function startWorker(url: string, mode: 'produce' | 'drain'): Promise<ChildProcess> {
  const child = spawn(process.execPath, [WORKER, url, mode], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const ready = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`no answer from the worker:\n${output}`)),
      START_TIMEOUT_MS,
    );
    const hear = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4_000);
      if (!output.includes('ready\n')) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('exit', () => {
      clearTimeout(timer);
      reject(new Error(`the worker ended by itself:\n${output}`));
    });
  });
  await ready.catch(async (error: unknown) => {
    await kill(child);
    throw error;
  });
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  await gone;
}

/** Tommy Ettinger's mulberry32: 32 bits of state are plenty for choosing moments. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
