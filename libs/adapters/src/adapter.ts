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
  return adapterDigestOf({ config: sha256(config), weights: sha256(weights) });
}

/** The same from the SHA-256 of each file, where that is known already. */
export function adapterDigestOf({
  config,
  weights,
}: {
  readonly config: Sha256;
  readonly weights: Sha256;
}): Sha256 {
  return sha256(`${configFile}\n${config}\n${weightsFile}\n${weights}\n`);
}

/** Why an adapter is refused; stable, so that programs can tell. */
export type AdapterRefusal =
  /** `adapter_config.json` is not what PEFT writes. */
  | 'ADAPTER_CONFIG_INVALID'
  /** An option that changes what the adapter computes and that is not computed here. */
  | 'ADAPTER_OPTION_UNSUPPORTED'
  | 'ADAPTER_RANK_UNSUPPORTED'
  | 'ADAPTER_MODULE_UNSUPPORTED'
  /** It brings words or embeddings of its own. */
  | 'ADAPTER_VOCABULARY_UNSUPPORTED'
  /** Its tensors are missing, or those of another model. */
  | 'ADAPTER_BASE_MISMATCH'
  | 'ADAPTER_TENSOR_UNKNOWN'
  /** Not a number, infinite, or beyond what any training leads to. */
  | 'ADAPTER_VALUES_INVALID'
  /** A pickle can run programs when it is read. */
  | 'ADAPTER_FILE_PICKLED'
  | 'ADAPTER_FILE_TOO_LARGE';

export function refuseAdapter(code: AdapterRefusal, message: string, cause?: unknown): DomainError {
  const kind = code === 'ADAPTER_FILE_TOO_LARGE' ? 'too-large' : 'invalid';
  return new DomainError(kind, code, message, { cause });
}
