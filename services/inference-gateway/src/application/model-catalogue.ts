import { DomainError } from '@openledger/kernel';
import { mayName, modelNotFound, parseModelReference, type ServableModel } from '../domain/model.js';
import type { BaseModel, ModelRegistry } from './ports.js';

const PAGE_MAX = 1_000;

export interface ModelPage {
  readonly models: readonly ServableModel[];
  readonly hasMore: boolean;
}

/** The models that callers may name: deployed adapters and, where it is free, the base. */
export class ModelCatalogue {
  constructor(
    private readonly registry: ModelRegistry,
    private readonly base: BaseModel,
    private readonly baseIsFree: boolean,
  ) {}

  /** @throws DomainError MODEL_NOT_FOUND, MODEL_BASE_UNAVAILABLE */
  async find(text: string): Promise<ServableModel> {
    const found = mayName(text) ? await this.lookUp(text) : undefined;
    if (found === undefined) {
      if (this.baseIsFree && text === this.base.name) return this.baseAlone();
      throw modelNotFound(text);
    }
    if (found.baseDigest === this.base.digest) return found;
    throw new DomainError(
      'unavailable',
      'MODEL_BASE_UNAVAILABLE',
      `"${text}" was trained on the base ${found.baseName}, which is not being served here now.`,
      { details: { param: 'model' } },
    );
  }

  /** Some clients write `base:adapter`; a model whose own name reads so goes before. */
  private async lookUp(text: string): Promise<ServableModel | undefined> {
    const found = await this.registry.find(parseModelReference(text));
    const prefix = `${this.base.name}:`;
    if (found || !text.startsWith(prefix)) return found;
    const behind = await this.registry.find(parseModelReference(text.slice(prefix.length)));
    return behind?.baseName === this.base.name ? behind : undefined;
  }

  async list(limit: number, after?: string): Promise<ModelPage> {
    const size = Math.min(limit, PAGE_MAX);
    const onwards = after === this.base.name && this.baseIsFree ? undefined : after;
    const adapters = await this.registry.list(size + 1, onwards);
    const all = this.baseIsFree && after === undefined ? [this.baseAlone(), ...adapters] : adapters;
    return { models: all.slice(0, size), hasMore: all.length > size };
  }

  private baseAlone(): ServableModel {
    const { name, digest } = this.base;
    return { modelId: '', name, baseName: name, baseDigest: digest, ownedBy: '', deployedAt: new Date(0) };
  }
}
