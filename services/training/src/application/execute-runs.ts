import { encodeEvent, ModelDeployed, ModelTrained, topics } from '@openledger/contracts';
import { type Clock, DomainError, derivedId } from '@openledger/kernel';
import { isDeployable } from '../domain/run.js';
import { checkRecords } from './create-run.js';
import type { AdapterTrainer, Run, RunOutcome, TrainedAdapter, TrainingStore } from './ports.js';

/** Why a run stops before its end: the host stops and it will be continued, or its owner cancelled it. */
export type StopReason = 'host-stopping' | 'cancelled';

export interface ExecuteOptions {
  readonly store: TrainingStore;
  readonly trainer: AdapterTrainer;
  readonly clock: Clock;
  /** Told of failures that are not the builder's; the run is marked failed with a plain sentence. */
  readonly onError: (error: unknown) => void;
}

/** Takes waiting runs one after the other. Only one executor may run at a time: its host holds a lock. */
export class ExecuteRuns {
  private current: { readonly id: string; readonly abort: AbortController } | undefined;

  constructor(private readonly options: ExecuteOptions) {}

  /** Executes the next run to its end; false when none waits. */
  async next(signal: AbortSignal): Promise<boolean> {
    const run = await this.options.store.nextRun();
    if (run === undefined || signal.aborted) return false;
    const abort = new AbortController();
    const stop = () => abort.abort('host-stopping' satisfies StopReason);
    signal.addEventListener('abort', stop, { once: true });
    this.current = { id: run.id, abort };
    try {
      await this.execute(run, abort.signal);
    } finally {
      this.current = undefined;
      signal.removeEventListener('abort', stop);
    }
    return true;
  }

  /** Stops the run within one step; its checkpoint is dropped. */
  async cancel(runId: string): Promise<void> {
    if (this.current?.id === runId) {
      this.current.abort.abort('cancelled' satisfies StopReason);
      return;
    }
    await this.end(runId, { status: 'cancelled' }, []);
  }

  private async execute(run: Run, signal: AbortSignal): Promise<void> {
    const { store, trainer } = this.options;
    const begun = await store.begin(run.id);
    if (begun === undefined) return;
    try {
      const contributions = await store.contributions(begun.contributionIds);
      checkRecords(contributions);
      const trained = await trainer.train(begun, contributions, {
        signal,
        onProgress: (progress) => {
          store.saveProgress(run.id, progress).catch(this.options.onError);
        },
      });
      await this.complete(run, trained);
    } catch (error) {
      if (signal.aborted && signal.reason === 'host-stopping') return;
      if (signal.aborted) return this.end(run.id, { status: 'cancelled' }, []);
      await this.fail(run.id, error);
    }
  }

  private async complete(run: Run, trained: TrainedAdapter): Promise<void> {
    const deployable = isDeployable(run.plan, trained.evaluation);
    const { evaluation, adapterDigest, lineageBlob } = trained;
    const at = this.options.clock.now();
    const events = [
      encodeEvent(topics.modelTrained, derivedId(run.id, 'trained'), toTrained(run, trained, deployable, at)),
    ];
    if (deployable) {
      events.push(
        encodeEvent(topics.modelDeployed, derivedId(run.id, 'deployed'), toDeployed(run, trained, at)),
      );
    }
    const refusal = `The held-out loss went from ${evaluation.baseLoss.toFixed(3)} to ${evaluation.adapterLoss.toFixed(3)}, which is short of the drop of ${run.plan.minLossDrop * 100} % that the run asks for: add data, or train longer.`;
    await this.end(
      run.id,
      deployable
        ? { status: 'deployed', evaluation, adapterDigest, lineageBlob }
        : { status: 'refused', evaluation, adapterDigest, lineageBlob, failure: refusal },
      events,
    );
  }

  private async fail(runId: string, error: unknown): Promise<void> {
    if (!(error instanceof DomainError)) this.options.onError(error);
    const failure =
      error instanceof DomainError
        ? `${error.code}: ${error.message}`
        : 'INTERNAL: the training stopped on our side; start the run again.';
    await this.end(runId, { status: 'failed', failure }, []);
  }

  private async end(
    runId: string,
    outcome: RunOutcome,
    events: Parameters<TrainingStore['endRun']>[2],
  ): Promise<void> {
    await this.options.store.endRun(runId, outcome, events);
    await this.options.trainer.forget(runId);
  }
}

function toTrained(
  run: Run,
  { adapterDigest, evaluation }: TrainedAdapter,
  deployable: boolean,
  trainedAt: Date,
): ModelTrained {
  return ModelTrained.create({
    runId: run.id,
    modelId: run.modelId,
    adapterDigest,
    evaluation,
    deployable,
    trainedAt,
  });
}

function toDeployed(run: Run, trained: TrainedAdapter, deployedAt: Date): ModelDeployed {
  return ModelDeployed.create({
    modelId: run.modelId,
    name: run.plan.modelName,
    runId: run.id,
    developerOrganisationId: run.organisationId,
    baseDigest: trained.baseDigest,
    baseName: trained.baseName,
    adapterDigest: trained.adapterDigest,
    adapterConfigBlob: trained.configBlob,
    adapterWeightsBlob: trained.weightsBlob,
    lineageBlob: trained.lineageBlob,
    datanetIds: [...run.plan.datanetIds],
    price: run.plan.price,
    trainingLogBlob: trained.trainingLogBlob,
    parentModelId: run.plan.parentModelId ?? '',
    deployedAt,
  });
}
