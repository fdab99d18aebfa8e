import type { ErrorKind } from '@openledger/kernel';
import type { ModelConfig } from '@openledger/transformer';
import type { UploadedAdapter } from '../application/import-model.js';
import type { ModelImport } from '../application/ports.js';

/** What the checking thread is started with. */
export interface CheckOrder {
  readonly files: UploadedAdapter;
  readonly model: ModelConfig;
}

export type CheckAnswer =
  | { readonly kind: 'fits'; readonly digest: string; readonly lora: ModelImport['lora'] }
  | {
      readonly kind: 'refused';
      readonly errorKind: ErrorKind;
      readonly code: string;
      readonly message: string;
    };
