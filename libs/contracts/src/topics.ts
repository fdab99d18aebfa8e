import { ContributorRegistered, OrganisationCreated } from './generated/openledger/accounts/v1/events.js';
import {
  AttributionAudited,
  AttributionChallenged,
  AttributionScored,
} from './generated/openledger/attribution/v1/events.js';
import { InferenceServed } from './generated/openledger/inference/v1/events.js';
import {
  ContributionReceived,
  ContributionWithdrawn,
  DatanetCreated,
} from './generated/openledger/ingestion/v1/events.js';
import {
  BudgetAlert,
  EpochClosed,
  SettlementCredited,
  SettlementPaid,
  SettlementRefunded,
} from './generated/openledger/settlement/v1/events.js';
import { ModelDeployed, ModelTrained } from './generated/openledger/training/v1/events.js';
import { ContributionAssessed, PartyChanged } from './generated/openledger/validation/v1/events.js';

/** proto3-JSON in and out of one message type. */
export interface JsonCodec<T> {
  fromJSON(object: unknown): T;
  toJSON(message: T): unknown;
  create(base?: object): T;
}

export interface Topic<T> {
  /** Also the type of the events in it. */
  readonly name: string;
  /** The only service that publishes to it. */
  readonly owner: string;
  readonly message: JsonCodec<T>;
  /** Picks the partition: events of one key stay in order. */
  readonly keyOf: (message: T) => string;
  readonly partitions: number;
  /** Undefined: kept for ever, because money or credit is re-derived from it. */
  readonly retentionDays?: number;
}

const topic = <T>(definition: Omit<Topic<T>, 'partitions'> & { partitions?: number }): Topic<T> => ({
  partitions: 12,
  ...definition,
});

/** Every topic, once. A service that subscribes to a name that is not here does not start. */
export const topics = {
  contributorRegistered: topic<ContributorRegistered>({
    name: 'contributor.registered.v1',
    owner: 'accounts',
    message: ContributorRegistered,
    keyOf: (event) => event.contributorId,
  }),
  organisationCreated: topic<OrganisationCreated>({
    name: 'organisation.created.v1',
    owner: 'accounts',
    message: OrganisationCreated,
    keyOf: (event) => event.organisationId,
  }),
  datanetCreated: topic<DatanetCreated>({
    name: 'datanet.created.v1',
    owner: 'ingestion',
    message: DatanetCreated,
    keyOf: (event) => event.datanetId,
  }),
  contributionReceived: topic<ContributionReceived>({
    name: 'contribution.received.v1',
    owner: 'ingestion',
    message: ContributionReceived,
    keyOf: (event) => event.datanetId,
  }),
  contributionWithdrawn: topic<ContributionWithdrawn>({
    name: 'contribution.withdrawn.v1',
    owner: 'ingestion',
    message: ContributionWithdrawn,
    keyOf: (event) => event.datanetId,
  }),
  contributionAssessed: topic<ContributionAssessed>({
    name: 'contribution.assessed.v1',
    owner: 'validation',
    message: ContributionAssessed,
    keyOf: (event) => event.datanetId,
  }),
  partyChanged: topic<PartyChanged>({
    name: 'party.changed.v1',
    owner: 'validation',
    message: PartyChanged,
    keyOf: (event) => event.partyId,
  }),
  modelTrained: topic<ModelTrained>({
    name: 'model.trained.v1',
    owner: 'training',
    message: ModelTrained,
    keyOf: (event) => event.modelId,
  }),
  modelDeployed: topic<ModelDeployed>({
    name: 'model.deployed.v1',
    owner: 'training',
    message: ModelDeployed,
    keyOf: (event) => event.modelId,
  }),
  inferenceServed: topic<InferenceServed>({
    name: 'inference.served.v1',
    owner: 'inference-gateway',
    message: InferenceServed,
    keyOf: (event) => event.requestId,
  }),
  attributionScored: topic<AttributionScored>({
    name: 'attribution.scored.v1',
    owner: 'attribution',
    message: AttributionScored,
    keyOf: (event) => event.requestId,
  }),
  attributionAudited: topic<AttributionAudited>({
    name: 'attribution.audited.v1',
    owner: 'attribution',
    message: AttributionAudited,
    keyOf: (event) => event.modelId,
  }),
  attributionChallenged: topic<AttributionChallenged>({
    name: 'attribution.challenged.v1',
    owner: 'attribution',
    message: AttributionChallenged,
    keyOf: (event) => event.requestId,
  }),
  settlementCredited: topic<SettlementCredited>({
    name: 'settlement.credited.v1',
    owner: 'settlement',
    message: SettlementCredited,
    keyOf: (event) => event.requestId,
  }),
  epochClosed: topic<EpochClosed>({
    name: 'settlement.epoch-closed.v1',
    owner: 'settlement',
    message: EpochClosed,
    keyOf: (event) => String(event.epoch),
    partitions: 1,
  }),
  settlementPaid: topic<SettlementPaid>({
    name: 'settlement.paid.v1',
    owner: 'settlement',
    message: SettlementPaid,
    keyOf: (event) => event.walletAddress,
  }),
  budgetAlert: topic<BudgetAlert>({
    name: 'settlement.budget-alert.v1',
    owner: 'settlement',
    message: BudgetAlert,
    keyOf: (event) => event.organisationId,
  }),
  settlementRefunded: topic<SettlementRefunded>({
    name: 'settlement.refunded.v1',
    owner: 'settlement',
    message: SettlementRefunded,
    keyOf: (event) => event.organisationId,
  }),
} as const;

export interface EncodedEvent {
  readonly id: string;
  readonly topic: string;
  readonly key: string;
  readonly body: Uint8Array;
}

/** An event as proto3-JSON, ready for `tx.emit`. `id` is deterministic for derived events (`derivedId`). */
export function encodeEvent<T>(to: Topic<T>, id: string, message: T): EncodedEvent {
  const body = Buffer.from(JSON.stringify(to.message.toJSON(message)));
  return { id, topic: to.name, key: to.keyOf(message), body };
}

/** Fields of newer writers are ignored; a body that is not JSON throws, and the record is parked. */
export function decodeEvent<T>(from: Topic<T>, body: Uint8Array): T {
  return from.message.fromJSON(JSON.parse(Buffer.from(body).toString('utf8')));
}
