import { encodeEvent, type Topic, topics } from '@openledger/contracts';
import type { EventRecord } from '@openledger/event-log';
import { newId } from '@openledger/kernel';
import type { Database } from '@openledger/persistence';
import { CHAIN_VAULT, type PostgresSettlementStore, payer, single } from '@openledger/settlement/ledger';
import { LeaseBalance, type PricedModel, type RecordUsage } from '@openledger/settlement/metering';
import { seeded } from './workload.js';

const ORGANISATIONS = 100;
const MODELS = 10;
const PEOPLE = 2_000;
/** With platform, developer and stakers five are paid of each answer. */
const CONTRIBUTORS = 2;
const PPB = 1_000_000_000;
const PROMPT_TOKENS = 512;
const COMPLETION_TOKENS = 128;
const MILLION = 1_000_000n;
const PROMPT_WEI = 10n ** 20n;
const COMPLETION_WEI = 3n * 10n ** 20n;
const FUNDING_WEI = 10n ** 26n;
const LEASE_WEI = 10n ** 25n;
const DAY_MS = 86_400_000;

/** What gateways and attribution told about some answers, as it lies in the event log. */
export interface Load {
  readonly served: readonly EventRecord[];
  readonly scored: readonly EventRecord[];
}

const numbered = (kind: number, n: number): string =>
  `0190f3a0-${kind.toString(16).padStart(4, '0')}-7000-8000-${n.toString(16).padStart(12, '0')}`;
const organisation = (n: number): string => numbered(1, n);
const model = (n: number): string => numbered(2, n);
const lease = (n: number): string => numbered(3, n);
const person = (n: number): string => numbered(4, n);

/** Organisations with money on lease, as a gateway holds it, and models with a price. */
export async function prepareBooks(
  { store, usage, now }: { store: PostgresSettlementStore; usage: RecordUsage; now: Date },
  database: Database,
): Promise<void> {
  const leases = new LeaseBalance(store, { useForMs: DAY_MS, abandonAfterMs: DAY_MS });
  for (let n = 0; n < ORGANISATIONS; n += 1) {
    const deposit = single({
      debit: CHAIN_VAULT,
      credit: payer(organisation(n)),
      amountWei: FUNDING_WEI,
      reason: 'deposit',
      reference: organisation(n),
    });
    await store.transaction((tx) => tx.ledger.post([deposit]));
    const wanted = { wantedWei: LEASE_WEI, minimumWei: LEASE_WEI };
    await leases.run({ leaseId: lease(n), organisationId: organisation(n), ...wanted }, now);
  }
  for (let n = 0; n < MODELS; n += 1) {
    const deployed: PricedModel = {
      id: model(n),
      name: `model-${n}`,
      developerOrganisationId: organisation(n),
      baseDigest: 'b'.repeat(64),
      price: { promptWeiPerMillion: PROMPT_WEI, completionWeiPerMillion: COMPLETION_WEI },
      deployedAt: new Date(now.getTime() - DAY_MS),
    };
    await usage.modelDeployed(newId(), deployed, now);
  }
  await database.query('ANALYZE');
}

/** Zipf with exponent 1, by inversion of its continuous form. */
const zipf = (random: () => number, count: number): number =>
  Math.min(count - 1, Math.floor(Math.exp(random() * Math.log(count))) - 1);

export function makeLoads(seed: number): (answers: number, now: Date) => Load {
  const random = seeded(seed);
  return (answers, now) => {
    const ids = Array.from({ length: answers }, () => newId());
    return {
      served: ids.map((id, n) => servedRecord(id, n % MODELS, zipf(random, ORGANISATIONS), now)),
      scored: ids.map((id, n) => scoredRecord(id, n % MODELS, peopleOf(random), now)),
    };
  };
}

function peopleOf(random: () => number): string[] {
  const people = new Set<number>();
  while (people.size < CONTRIBUTORS) people.add(zipf(random, PEOPLE));
  return [...people].map(person);
}

function servedRecord(requestId: string, ofModel: number, payerNumber: number, now: Date): EventRecord {
  const fee = (BigInt(PROMPT_TOKENS) * PROMPT_WEI + BigInt(COMPLETION_TOKENS) * COMPLETION_WEI) / MILLION;
  const { message } = topics.inferenceServed;
  const event = message.create({
    requestId,
    modelId: model(ofModel),
    modelName: `model-${ofModel}`,
    baseDigest: 'b'.repeat(64),
    adapterDigest: 'a'.repeat(64),
    payerOrganisationId: organisation(payerNumber),
    holdId: lease(payerNumber),
    usage: { promptTokens: PROMPT_TOKENS, completionTokens: COMPLETION_TOKENS, cachedTokens: 0 },
    tokensBlob: 'c'.repeat(64),
    finishReason: 'stop',
    servedAt: now,
    timeToFirstTokenMs: 40,
    durationMs: 900,
    promptWeiPerMillion: PROMPT_WEI.toString(),
    completionWeiPerMillion: COMPLETION_WEI.toString(),
    feeWei: fee.toString(),
  });
  return recordOf(topics.inferenceServed, event, now);
}

function scoredRecord(requestId: string, ofModel: number, people: readonly string[], now: Date): EventRecord {
  const { message } = topics.attributionScored;
  const event = message.create({
    requestId,
    modelId: model(ofModel),
    adapterDigest: 'a'.repeat(64),
    contributors: people.map((contributorId) => ({
      contributorId,
      partyId: contributorId,
      influencePpb: PPB / CONTRIBUTORS,
      contextPpb: 0,
      basePpb: PPB / CONTRIBUTORS,
    })),
    reliabilityPpb: PPB / 2,
    evidenceBlob: 'e'.repeat(64),
    scoredAt: now,
    indexDigest: 'd'.repeat(64),
    indexRoot: 'f'.repeat(64),
    codeVersion: '1',
  });
  return recordOf(topics.attributionScored, event, now);
}

function recordOf<T>(topic: Topic<T>, message: T, now: Date): EventRecord {
  const { id, topic: type, key, body } = encodeEvent(topic, newId(), message);
  return { id, type, key, source: 'bench', occurredAt: now, body };
}
