import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '@openledger/kernel';
import type { Tensor } from '../model.js';

/** All that a run needs to go on exactly where it stopped. */
export interface Checkpoint {
  /** Optimiser steps done. */
  readonly step: number;
  /** Weights under their names, moments under `<name>.m` and `<name>.v`. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

const fileName = 'checkpoint.safetensors';

interface HeaderEntry {
  readonly dtype: 'F32';
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/**
 * Writes the checkpoint to one safetensors file in `folder`. The file takes its name only when it is
 * whole and on disk, so a crash leaves the one before.
 */
export async function writeCheckpoint(folder: string, { step, tensors }: Checkpoint): Promise<void> {
  await mkdir(folder, { recursive: true });
  const header: Record<string, HeaderEntry | Record<string, string>> = {
    __metadata__: { format: 'openledger-checkpoint', step: String(step) },
  };
  let end = 0;
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(Math.ceil(json.length / 8) * 8, ' ');
  json.copy(padded);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(padded.length));
  const partial = join(folder, `${fileName}.partial`);
  {
    await using file = await open(partial, 'w');
    await file.appendFile(size);
    await file.appendFile(padded);
    for (const { data } of tensors.values()) {
      await file.appendFile(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
    await file.sync();
  }
  await rename(partial, join(folder, fileName));
}

/** The checkpoint in `folder`, or undefined where none was written yet. */
export async function readCheckpoint(folder: string): Promise<Checkpoint | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(join(folder, fileName));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header: unknown = JSON.parse(bytes.toString('utf8', 8, start));
  const tensors = new Map<string, Tensor>();
  let step = Number.NaN;
  for (const [name, entry] of Object.entries(header ?? {})) {
    if (name === '__metadata__') step = Number(entry.step);
    else tensors.set(name, readTensor(bytes, start, entry));
  }
  if (!Number.isSafeInteger(step)) {
    throw new DomainError(
      'invalid',
      'CHECKPOINT_UNREADABLE',
      `${folder} holds no checkpoint of a training run.`,
    );
  }
  return { step, tensors };
}

function readTensor(bytes: Buffer, start: number, entry: HeaderEntry): Tensor {
  const [from, to] = entry.data_offsets;
  const copy = new Uint8Array(to - from);
  copy.set(bytes.subarray(start + from, start + to));
  return { shape: entry.shape, data: new Float32Array(copy.buffer) };
}
