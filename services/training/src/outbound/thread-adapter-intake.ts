import { basename } from 'node:path';
import type { BlobStore } from '@openledger/blob-store';
import { DomainError } from '@openledger/kernel';
import { loadModelText, type ModelText } from '@openledger/transformer';
import { NativeThread } from '@openledger/worker-thread';
import { AdapterIntake, type KeptAdapter, type UploadedAdapter } from '../application/import-model.js';
import type { CheckAnswer, CheckOrder } from './adapter-intake-messages.js';

const PROGRAM = new URL('./adapter-check-worker.js', import.meta.url);
const NOTHING = new Uint8Array();

/** Checks uploaded adapters in threads of their own, and keeps those that fit. */
export class ThreadAdapterIntake extends AdapterIntake {
  private base: Promise<ModelText> | undefined;

  constructor(
    private readonly blobs: BlobStore,
    private readonly modelDir: string,
  ) {
    super();
  }

  async keep(files: UploadedAdapter): Promise<KeptAdapter> {
    // Read once, when it is first needed: its digest takes reading all of its weights.
    this.base ??= loadModelText(this.modelDir).catch((error: unknown) => {
      this.base = undefined;
      throw error;
    });
    const { config: model, digest: baseDigest, folder } = await this.base;
    const { digest, lora } = await check({ files, model });
    const { blobs } = this;
    return {
      adapterDigest: digest,
      lora,
      configBlob: await blobs.put(files.config),
      weightsBlob: await blobs.put(files.weights),
      lineageBlob: await blobs.put(NOTHING),
      baseDigest,
      baseName: basename(folder),
    };
  }
}

async function check(order: CheckOrder): Promise<Extract<CheckAnswer, { kind: 'fits' }>> {
  const thread = new NativeThread(PROGRAM, order);
  try {
    const answer = await new Promise<CheckAnswer>((resolve, reject) => {
      thread.once('message', resolve);
      thread.once('error', reject);
      thread.once('exit', (code) => reject(new Error(`the checking thread ended with code ${code}`)));
    });
    if (answer.kind === 'fits') return answer;
    throw new DomainError(answer.errorKind, answer.code, answer.message);
  } finally {
    await thread.end();
  }
}
