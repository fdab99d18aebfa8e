import { encodeEvent, ModelDeployed, topics } from '@openledger/contracts';
import { type Clock, derivedId, newId } from '@openledger/kernel';
import type { FirstPrice } from '../domain/run.js';
import { parentOf } from './fork.js';
import type { ModelImport, TrainingStore } from './ports.js';

/** The two files of a PEFT folder, as they came. */
export interface UploadedAdapter {
  readonly config: Uint8Array;
  readonly weights: Uint8Array;
}

export interface ImportPlan {
  readonly modelName: string;
  /** Name of the model that it was forked from. */
  readonly forkOf?: string | undefined;
  readonly price: FirstPrice;
}

/** An adapter that fits the base model served here, with its files in the blob store. */
export interface KeptAdapter {
  readonly adapterDigest: string;
  readonly configBlob: string;
  readonly weightsBlob: string;
  /** Of no records. */
  readonly lineageBlob: string;
  readonly baseDigest: string;
  readonly baseName: string;
  readonly lora: ModelImport['lora'];
}

export abstract class AdapterIntake {
  /** Checks the files against the base model and keeps them. @throws DomainError with why they are refused */
  abstract keep(files: UploadedAdapter): Promise<KeptAdapter>;
}

export interface ImportModelOptions {
  readonly store: TrainingStore;
  readonly intake: AdapterIntake;
  readonly clock: Clock;
}

/**
 * Deploys an adapter that was trained elsewhere. Nothing is known of what it learnt from: its lineage is
 * empty and it has no training log, so no contributor has a claim to what it earns.
 */
export class ImportModel {
  constructor(private readonly options: ImportModelOptions) {}

  /** @throws DomainError MODEL_NAME_TAKEN, PARENT_UNKNOWN, PARENT_IS_ITSELF, or why the adapter cannot be served */
  async run(organisationId: string, asked: ImportPlan, files: UploadedAdapter): Promise<ModelImport> {
    const { store, intake, clock } = this.options;
    const { forkOf, ...plan } = asked;
    // Before the work of checking, and again when it is stored.
    await store.checkName(organisationId, plan.modelName);
    const parentModelId = await parentOf(store, plan.modelName, forkOf);
    const kept = await intake.keep(files);
    const forked = parentModelId === undefined ? plan : { ...plan, parentModelId };
    const imported = { id: newId(), organisationId, ...forked, ...kept, importedAt: clock.now() };
    return store.saveImport(imported, (modelId) =>
      encodeEvent(
        topics.modelDeployed,
        derivedId(imported.id, 'deployed'),
        toDeployed({ ...imported, modelId }),
      ),
    );
  }
}

const toDeployed = (model: ModelImport): ModelDeployed =>
  ModelDeployed.create({
    modelId: model.modelId,
    name: model.modelName,
    runId: model.id,
    developerOrganisationId: model.organisationId,
    baseDigest: model.baseDigest,
    baseName: model.baseName,
    adapterDigest: model.adapterDigest,
    adapterConfigBlob: model.configBlob,
    adapterWeightsBlob: model.weightsBlob,
    lineageBlob: model.lineageBlob,
    datanetIds: [],
    price: model.price,
    trainingLogBlob: '',
    parentModelId: model.parentModelId ?? '',
    deployedAt: model.importedAt,
  });
