import type { IncomingHttpHeaders } from 'node:http';
import { DomainError } from '@openledger/kernel';
import { parse } from '@openledger/service-host';
import { z } from 'zod';
import type { ImportPlan, UploadedAdapter } from '../application/import-model.js';
import { CACHED_TOO_DEAR, cachedIsNoDearer, modelName, weiPerMillion } from './new-run.js';

/** What fields and boundaries may add to the files. */
const OVERHEAD_BYTES = 64 * 1024;
const CONFIG_BYTES_MAX = 256 * 1024;

const Fields = z
  .strictObject({
    modelName,
    forkOf: modelName.optional(),
    promptWeiPerMillion: weiPerMillion.default('0'),
    cachedPromptWeiPerMillion: weiPerMillion.optional(),
    completionWeiPerMillion: weiPerMillion.default('0'),
  })
  .refine(cachedIsNoDearer, CACHED_TOO_DEAR);

/** The files of a PEFT folder by the field that carries each. */
const FILE_NAMES = { config: 'adapter_config.json', weights: 'adapter_model.safetensors' } as const;
const PICKLED = /\.(bin|pt|pth|pkl|pickle|ckpt)$/i;

export interface ImportForm {
  readonly plan: ImportPlan;
  readonly files: UploadedAdapter;
}

/**
 * Reads a form of two files and some fields. The whole of it is in memory: that is how adapters are checked.
 *
 * @throws DomainError IMPORT_TOO_LARGE, IMPORT_MALFORMED, ADAPTER_FILE_NAME, ADAPTER_FILE_PICKLED, REQUEST_INVALID
 */
export async function readImportForm(
  headers: IncomingHttpHeaders,
  chunks: AsyncIterable<Uint8Array>,
  weightsBytesMax: number,
): Promise<ImportForm> {
  const type = headers['content-type'] ?? '';
  if (!type.toLowerCase().startsWith('multipart/form-data')) {
    throw malformed('Send multipart/form-data with the files "config" and "weights".');
  }
  const body = await collect(chunks, weightsBytesMax + CONFIG_BYTES_MAX + OVERHEAD_BYTES);
  const form = await new Response(body, { headers: { 'content-type': type } })
    .formData()
    .catch((cause: unknown) => {
      throw malformed('The body is not a form as its content-type says.', cause);
    });
  const files = { config: await file(form, 'config'), weights: await file(form, 'weights') };
  const fields = new Map<string, string | File>();
  for (const [name, value] of form) {
    if (Object.hasOwn(FILE_NAMES, name)) continue;
    if (fields.has(name)) throw malformed(`The field "${name.slice(0, 100)}" is there twice.`);
    fields.set(name, value);
  }
  const { modelName: name, forkOf, ...price } = parse(Fields, Object.fromEntries(fields));
  return { plan: { modelName: name, forkOf, price }, files };
}

async function file(form: FormData, field: keyof typeof FILE_NAMES): Promise<Uint8Array> {
  const [found, second] = form.getAll(field);
  if (!(found instanceof File) || second !== undefined) {
    throw malformed(`"${field}" must be one file, ${FILE_NAMES[field]}.`);
  }
  if (PICKLED.test(found.name)) {
    const message =
      'Pickles of PyTorch may run programs when they are read: save the adapter as safetensors.';
    throw new DomainError('invalid', 'ADAPTER_FILE_PICKLED', message);
  }
  // The name decides nothing here, but another one, or a path, is not the file that was meant.
  if (found.name !== FILE_NAMES[field]) {
    const message = `The file of "${field}" must be named ${FILE_NAMES[field]}, not "${found.name.slice(0, 100)}".`;
    throw new DomainError('invalid', 'ADAPTER_FILE_NAME', message);
  }
  return new Uint8Array(await found.arrayBuffer());
}

async function collect(chunks: AsyncIterable<Uint8Array>, bytesMax: number): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > bytesMax) {
      const message = `The adapter has more than ${bytesMax} bytes: this service takes smaller ones.`;
      throw new DomainError('too-large', 'IMPORT_TOO_LARGE', message, { details: { bytesMax } });
    }
    parts.push(Uint8Array.from(chunk));
  }
  return new Blob(parts);
}

const malformed = (message: string, cause?: unknown): DomainError =>
  new DomainError('invalid', 'IMPORT_MALFORMED', message, { cause });
