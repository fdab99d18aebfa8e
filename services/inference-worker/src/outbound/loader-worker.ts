import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { basename } from 'node:path';
import { FolderBlobStore } from '@openledger/blob-store';
import { InvariantError, Slots } from '@openledger/kernel';
import { packedBuffers } from '@openledger/transformer';
import { enterThread } from '@openledger/worker-thread';
import { toPlain } from '../application/plain-error.js';
import { DiskCache } from './disk-cache.js';
import { type AdapterTiers, loadAdapter } from './load-adapter.js';
import type { LoaderOrder, LoaderReport, LoaderWorkerData } from './loader-messages.js';

/** One is read from disk while another is checked and packed; more would only take memory. */
const LOADS_MAX = 2;

/** A third of the share of a thread that steps, by Linux's table of weights: slower, never starved. */
const NICE = 5;

/**
 * Where cores are short, steps go before loads: a load that takes longer delays one request, a step all rows.
 * Linux schedules threads each by its own priority; elsewhere it stays as it is.
 */
function giveWay(): void {
  try {
    // `<process>/task/<thread>`, of the thread that asks.
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), NICE);
  } catch {
    // Not Linux.
  }
}

/** The entry of the loader's thread: files in, adapters out, apart from the threads that serve. */
const { port, data } = enterThread<LoaderWorkerData>();
giveWay();
const tell = (report: LoaderReport, transfer: ArrayBuffer[] = []) => port.postMessage(report, transfer);

let evictions = 0;
const disk = data.disk && (await DiskCache.open(data.disk.dir, data.disk.bytesMax, () => (evictions += 1)));
const tiers: AdapterTiers = {
  blobs: await FolderBlobStore.open(data.blobDir),
  disk,
  onDiskError: (error) => tell({ kind: 'disk-failed', message: toPlain(error).message }),
};
// One load for each digest is asked for at a time, and memory bounds how many, so all may wait.
const slots = new Slots(LOADS_MAX, Number.POSITIVE_INFINITY, () => new InvariantError('nobody is refused'));

async function load({ id, reference, target }: LoaderOrder): Promise<void> {
  try {
    const loaded = await slots.with(() => loadAdapter(reference, target, tiers, data.limits));
    tell({ kind: 'loaded', id, loaded }, packedBuffers(loaded.adapter));
  } catch (error) {
    tell({ kind: 'failed', id, error: toPlain(error) });
  }
  if (disk) tell({ kind: 'disk', bytes: disk.bytes, evictions });
}

port.on('message', (order: LoaderOrder) => void load(order));
