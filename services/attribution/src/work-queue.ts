import type { Host } from '@openledger/service-host';
import { AnswerOrders, type ChunkOwners } from './application/answer-orders.js';
import { AuditVersions } from './application/audit-versions.js';
import { DecideChallenges } from './application/decide-challenges.js';
import { IndexVersions } from './application/index-versions.js';
import type { AttributionEngine } from './application/ports.js';
import type { RecordRegistry } from './application/record-registry.js';
import { ReleaseAnswers } from './application/release-answers.js';
import { ReplayScores } from './application/replay-scores.js';
import { ScoreAnswers } from './application/score-answers.js';
import type { ReadStore } from './application/store-port.js';
import { Attempts, type WorkKind } from './application/work.js';
import { WorkQueue } from './application/work-queue.js';
import type { AttributionConfig } from './config.js';
import { PostgresWork } from './outbound/postgres-work.js';

export interface WorkParts {
  readonly host: Host;
  readonly config: AttributionConfig;
  readonly reads: ReadStore;
  readonly registry: RecordRegistry;
  readonly owners: ChunkOwners;
  readonly onError: (error: unknown) => void;
}

/** What waits on this host's database, and may take an engine each. */
export interface Work {
  /** Everything that somebody waits for. */
  readonly queue: WorkKind;
  /** Takes minutes, and nobody waits for it: apart, so that it keeps no answer waiting. */
  readonly audits: WorkKind;
}

export function workOn(
  { host, config, reads, registry, owners, onError }: WorkParts,
  engines: { readonly queue: AttributionEngine; readonly audits: AttributionEngine },
): Work {
  const { clock } = host;
  const store = new PostgresWork(host.database);
  const attempts = new Attempts({ store, retryMs: config.ATTRIBUTION_RETRY_MS, onError });
  const shared = { store, reads, engine: engines.queue, attempts, clock };
  const orders = new AnswerOrders(reads, registry, owners);
  const replays = new ReplayScores({ ...shared, orders });
  const secondsMax = config.ATTRIBUTION_AUDIT_SECONDS;
  const queue = new WorkQueue({
    first: [
      new IndexVersions({ ...shared, isAudited: secondsMax > 0, onError }),
      new ReleaseAnswers({ store, clock, modelWaitMs: config.ATTRIBUTION_MODEL_WAIT_MS }),
    ],
    inTurn: [new DecideChallenges({ ...shared, replays }), replays, new ScoreAnswers({ ...shared, orders })],
  });
  return { queue, audits: new AuditVersions({ ...shared, engine: engines.audits, secondsMax }) };
}
