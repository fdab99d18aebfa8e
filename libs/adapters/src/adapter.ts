import { DomainError, type Sha256, sha256 } from '@openledger/kernel';
import type { LoraConfig, LoraWeights } from '@openledger/transformer';

/** File names of a PEFT folder. */
export const configFile = 'adapter_config.json';
export const weightsFile = 'adapter_model.safetensors';

/** An adapter, checked against its base model and ready to run. */
export interface Adapter {
  readonly lora: LoraConfig;
  readonly weights: LoraWeights;
  /** What the adapter says its base model is; information, not proof. */
  readonly baseModel: string;
  /** SHA-256 over the two files; the identity under which an adapter is tested, deployed and served. */
  readonly digest: Sha256;
}

/** The two files of a PEFT folder. */
export interface AdapterFiles {
  readonly config: Uint8Array;
  readonly weights: Uint8Array;
}

/** Identity of an adapter: equal files, equal digest, wherever they lie. */
export function adapterDigest({ config, weights }: AdapterFiles): Sha256 {
  return sha256(`${configFile}\n${sha256(config)}\n${weightsFile}\n${sha256(weights)}\n`);
}

export function refuseAdapter(message: string, cause?: unknown): DomainError {
  return new DomainError('invalid', 'UNSUPPORTED_ADAPTER', message, { cause });
}
