import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError, Slots } from '@openledger/kernel';
import { type StagedUpload, Staging, type UploadForm } from '../application/ports.js';
import { LineMeter } from './line-meter.js';
import { tooLarge } from './parsing/inflate.js';
import { uploadsBusy } from './uploads-busy.js';

export interface StagingLimits {
  /** As sent, compressed or not. */
  readonly uploadBytesMax: number;
  readonly lineBytesMax: number;
  /** Held at once, whether they still arrive or wait to be read: bounds the scratch space. */
  readonly uploadsMax: number;
}

/** A crash leaves files behind; nobody is still writing to one this old. */
const LEFTOVER_AGE_MS = 60 * 60_000;

/** Uploads in a folder of scratch space: only whole ones are parsed, and none outlives its request. */
export class FolderStaging extends Staging {
  private readonly slots: Slots;

  private constructor(
    private readonly dir: string,
    private readonly limits: StagingLimits,
  ) {
    super();
    this.slots = new Slots(limits.uploadsMax, 0, uploadsBusy);
  }

  static async open(dir: string, limits: StagingLimits, nowMs: number): Promise<FolderStaging> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    for (const name of await readdir(dir)) {
      const path = join(dir, name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: nowMs }));
      if (nowMs - mtimeMs > LEFTOVER_AGE_MS) await rm(path, { force: true });
    }
    return new FolderStaging(dir, limits);
  }

  /** @throws DomainError UPLOADS_BUSY, UPLOAD_TOO_LARGE, LINE_TOO_LONG, UPLOAD_INTERRUPTED */
  hold<T>(
    chunks: AsyncIterable<Uint8Array>,
    form: UploadForm,
    use: (upload: StagedUpload) => Promise<T>,
  ): Promise<T> {
    return this.slots.with(() => this.stage(chunks, form, use));
  }

  private async stage<T>(
    chunks: AsyncIterable<Uint8Array>,
    form: UploadForm,
    use: (upload: StagedUpload) => Promise<T>,
  ): Promise<T> {
    const path = join(this.dir, `${randomUUID()}.upload`);
    try {
      const file = await open(path, 'wx', 0o600);
      let bytes: number;
      try {
        bytes = await this.write(file, chunks, form);
      } finally {
        await file.close();
      }
      return await use({ path, bytes });
    } finally {
      await rm(path, { force: true });
    }
  }

  private async write(
    file: FileHandle,
    chunks: AsyncIterable<Uint8Array>,
    form: UploadForm,
  ): Promise<number> {
    const { uploadBytesMax, lineBytesMax } = this.limits;
    const meter = form.gzip ? undefined : new LineMeter(lineBytesMax);
    let bytes = 0;
    for await (const chunk of whole(chunks)) {
      bytes += chunk.length;
      meter?.feed(chunk);
      if (bytes > uploadBytesMax) throw tooLarge(uploadBytesMax);
      await file.writeFile(chunk);
    }
    return bytes;
  }
}

/** A caller who goes away is no fault of ours. */
async function* whole(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (cause) {
    throw new DomainError('invalid', 'UPLOAD_INTERRUPTED', 'The upload ended early: send it again.', {
      cause,
    });
  }
}
