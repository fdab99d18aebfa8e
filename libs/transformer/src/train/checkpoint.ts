import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '@openledger/kernel';
import type { Tensor } from '../model.js';
import { readSafetensors } from '../safetensors/read.js';
import { writeSafetensors } from '../safetensors/write.js';

/** All that a run needs to go on exactly where it stopped. */
export interface Checkpoint {
  /** Optimiser steps done. */
  readonly step: number;
  /** Weights under their names, moments under `<name>.m` and `<name>.v`. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

const fileName = 'checkpoint.safetensors';

/** Three tensors for each trained one, of a model with many layers. */
const limits = { maxHeaderBytes: 16_777_216, maxTensors: 50_000 };

/** Writes the checkpoint to one file in `folder`; a crash on the way leaves the one before. */
export async function writeCheckpoint(folder: string, { step, tensors }: Checkpoint): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeSafetensors(join(folder, fileName), tensors, { metadata: { step: String(step) } });
}

/** The checkpoint in `folder`, or undefined where none was written yet. */
export async function readCheckpoint(folder: string): Promise<Checkpoint | undefined> {
  const path = join(folder, fileName);
  try {
    await access(path);
  } catch {
    return undefined;
  }
  const { tensors, metadata } = await readSafetensors(path, limits);
  const step = Number(metadata.step);
  if (!Number.isSafeInteger(step)) {
    throw new DomainError(
      'invalid',
      'CHECKPOINT_UNREADABLE',
      `${path} does not name its step; it is no checkpoint of a training run.`,
    );
  }
  return { step, tensors };
}
