import { setTimeout as sleep } from 'node:timers/promises';
import { FolderBlobStore } from '@openledger/blob-store';
import { loadConfig } from '@openledger/config';
import { topics } from '@openledger/contracts';
import { RowLease } from '@openledger/persistence';
import { type Composition, type Host, LeasedLoop, on } from '@openledger/service-host';
import { AskReplay } from './application/ask-replay.js';
import { ChallengeScore } from './application/challenge-score.js';
import { ContextOwners } from './application/context-owners.js';
import type { AttributionEngine } from './application/ports.js';
import { ReadAttribution } from './application/read-attribution.js';
import { RecordInputs } from './application/record-inputs.js';
import { RegisterRecords } from './application/register-records.js';
import { AttributionModule } from './attribution.module.js';
import { AttributionConfig } from './config.js';
import { attributionGrpc } from './inbound/attribution.grpc.js';
import { BlobAnswerContext } from './outbound/blob-answer-context.js';
import { BlobEvidenceReader } from './outbound/blob-evidence-reader.js';
import { PostgresInputs } from './outbound/postgres-inputs.js';
import { PostgresReads } from './outbound/postgres-reads.js';
import { PostgresRecordStore } from './outbound/postgres-record-store.js';
import { ThreadEngine } from './outbound/thread-engine.js';
import { workOn } from './work-queue.js';

/** An engine that a host may close. */
export type Closable = AttributionEngine & { close(): Promise<void> };

export interface Engines {
  readonly queue: Closable;
  /** Of its own, as one engine does one thing at a time. */
  readonly audits: Closable;
}

/** The service on its own engines, which work in threads. */
export function compose(host: Host): Promise<Composition> {
  const config = loadConfig(AttributionConfig, host.env);
  const engine = () =>
    new ThreadEngine({
      idleMs: config.ATTRIBUTION_IDLE_MS,
      blobDir: config.BLOB_DIR,
      modelDir: config.MODEL_DIR,
      threads: config.ATTRIBUTION_THREADS,
      tokensMax: config.ATTRIBUTION_TOKENS_MAX,
      recordsMax: config.ATTRIBUTION_RECORDS_MAX,
    });
  return composeOn(host, config, { queue: engine(), audits: engine() });
}

/** The service on given engines, which it closes when it stops. */
export async function composeOn(
  host: Host,
  config: AttributionConfig,
  engines: Engines,
): Promise<Composition> {
  const blobs = await FolderBlobStore.open(config.BLOB_DIR);
  const onError = (error: unknown) => host.log.error({ err: error }, 'attribution');
  const reads = new PostgresReads(host.database);
  const registry = new PostgresRecordStore(host.database);
  const owners = new ContextOwners(registry, new BlobAnswerContext(blobs));
  const work = workOn({ host, config, reads, registry, owners, onError }, engines);
  const loops = [work.queue, work.audits].map(
    (kind, i) =>
      new LeasedLoop({
        lease: new RowLease(host.database, i + 1),
        work: (signal) => kind.next(signal),
        pollMs: config.ATTRIBUTION_POLL_MS,
        onError,
      }),
  );
  const useCases = {
    read: new ReadAttribution(reads, new BlobEvidenceReader(blobs), registry),
    replays: new AskReplay(reads, {
      waitMs: config.ATTRIBUTION_REPLAY_WAIT_MS,
      pollMs: config.ATTRIBUTION_POLL_MS,
      sleep: (ms) => sleep(ms),
    }),
    challenges: new ChallengeScore(reads, host.clock, config.ATTRIBUTION_CHALLENGES_PER_DAY),
  };
  return {
    module: AttributionModule.over(useCases),
    grpc: [attributionGrpc({ ...useCases, authenticator: host.authenticator, log: host.log })],
    handlers: handlers(host, blobs, registry),
    start: async () => {
      for (const loop of loops) loop.start();
    },
    stop: async () => {
      await Promise.all(loops.map((loop) => loop.stop()));
      await Promise.all([engines.queue.close(), engines.audits.close()]);
    },
  };
}

function handlers(host: Host, blobs: FolderBlobStore, registry: PostgresRecordStore) {
  const inputs = new RecordInputs(new PostgresInputs(host.database));
  const records = new RegisterRecords(registry, { read: (digest) => blobs.get(digest) });
  return [
    on(topics.modelDeployed, (event, record) => inputs.version(record.id, event)),
    on(topics.inferenceServed, (event, record) => inputs.answer(record.id, event)),
    on(topics.partyChanged, (event, record) => inputs.party(record.id, event)),
    on(topics.contributionAssessed, (event, record) => records.assessed(record.id, event)),
    on(topics.contributionWithdrawn, (event, record) => records.withdrawn(record.id, event)),
  ];
}
