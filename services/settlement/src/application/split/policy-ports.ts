import type { Ancestor } from '../../domain/split/royalties.js';
import type { RoleSplit } from '../../domain/split/split-fee.js';
import type { SplitPolicy } from '../../domain/split/split-policy.js';

/** One version of a model: an adapter under a name. */
export interface ModelVersion {
  readonly modelId: string;
  readonly adapterDigest: string;
  readonly developerOrganisationId: string;
  /** The model that this one was forked from. */
  readonly parentModelId?: string;
  readonly deployedAt: Date;
}

export type VersionName = Pick<ModelVersion, 'modelId' | 'adapterDigest'>;

export interface VersionShares extends VersionName {
  /** Of what it was trained on, ppb by contributor. */
  readonly shares: ReadonlyMap<string, bigint>;
}

export interface NewPolicy {
  readonly effectiveFrom: Date;
  readonly roles: RoleSplit;
  /** Of the parameter registry on chain; the same one is saved once. */
  readonly registryVersion?: number;
}

/** Who is paid how much of a fee, from when on. */
export interface Policies {
  all(): Promise<SplitPolicy[]>;
  /**
   * False when this registry version is there already; and of configuration when a registry's is there, or the newest
   * has the very same roles. What a registry said before configuration did begins with the configuration, and follows it.
   */
  save(policy: NewPolicy): Promise<boolean>;
  saveVersion(version: ModelVersion): Promise<void>;
  /** Of the first scored answer of a version; later ones change nothing. */
  saveBaseShares(versions: readonly VersionShares[]): Promise<void>;
  /**
   * The versions that each of these descends from, nearest first: earlier ones of the model, then those of its parent. In
   * the order given.
   */
  ancestors(versions: readonly VersionName[]): Promise<Ancestor[][]>;
  saveNodeKey(publicKey: string, organisationId: string): Promise<void>;
  /** Organisations by public key, of those that are known. */
  nodeOperators(publicKeys: readonly string[]): Promise<ReadonlyMap<string, string>>;
}
