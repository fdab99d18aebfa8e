import { DomainError } from '@openledger/kernel';
import type { RunPlan } from '../domain/run.js';
import { parentOf } from './fork.js';
import type { AcceptedContribution, Datanet, Run, TrainingStore } from './ports.js';

/** Checks permissions, fixes the records of the run, and queues it. */
export class CreateRun {
  constructor(
    private readonly store: TrainingStore,
    private readonly recordsMax: number,
  ) {}

  /**
   * @throws DomainError DATANET_UNKNOWN, TRAINING_NOT_PERMITTED, COMMERCIAL_USE_NOT_PERMITTED,
   * NO_ACCEPTED_RECORDS, TOO_MANY_RECORDS, MODEL_NAME_TAKEN, PARENT_UNKNOWN, PARENT_IS_ITSELF
   */
  async run(
    organisationId: string,
    { forkOf, ...plan }: RunPlan & { forkOf?: string | undefined },
  ): Promise<Run> {
    checkPermissions(plan, await this.store.datanets(plan.datanetIds));
    const contributions = await this.store.contributionsOf(plan.datanetIds);
    checkSize(contributions, this.recordsMax);
    const ids = contributions.map(({ id }) => id);
    const parentModelId = await parentOf(this.store, plan.modelName, forkOf);
    const forked = parentModelId === undefined ? plan : { ...plan, parentModelId };
    return this.store.createRun(organisationId, forked, ids);
  }
}

function checkPermissions(plan: RunPlan, datanets: readonly Datanet[]): void {
  for (const id of plan.datanetIds) {
    const datanet = datanets.find((candidate) => candidate.id === id);
    if (datanet === undefined) {
      throw new DomainError('not-found', 'DATANET_UNKNOWN', `There is no Datanet ${id}.`);
    }
    if (!datanet.trainingPermitted) {
      throw new DomainError(
        'forbidden',
        'TRAINING_NOT_PERMITTED',
        `The Datanet "${datanet.name}" does not permit training: leave it out.`,
      );
    }
    if (plan.commercial && !datanet.commercialPermitted) {
      throw new DomainError(
        'forbidden',
        'COMMERCIAL_USE_NOT_PERMITTED',
        `The Datanet "${datanet.name}" does not permit commercial use: leave it out, or price the model at zero.`,
      );
    }
  }
}

/** One record to learn from and one to evaluate on. */
const RECORDS_MIN = 2;

/** How many records there are. @throws DomainError NO_ACCEPTED_RECORDS */
export function checkRecords(contributions: readonly AcceptedContribution[]): number {
  const records = contributions.reduce((sum, { acceptedCount }) => sum + acceptedCount, 0);
  if (records < RECORDS_MIN) {
    throw new DomainError(
      'precondition',
      'NO_ACCEPTED_RECORDS',
      `These Datanets hold ${records} accepted records and a run needs ${RECORDS_MIN}: contribute data, or wait until it is assessed.`,
    );
  }
  return records;
}

function checkSize(contributions: readonly AcceptedContribution[], recordsMax: number): void {
  const records = checkRecords(contributions);
  if (records > recordsMax) {
    throw new DomainError(
      'too-large',
      'TOO_MANY_RECORDS',
      `${records} records are more than a run takes (${recordsMax}): choose fewer Datanets.`,
    );
  }
}
