import { AdapterHeat } from './adapter-heat.js';
import { PrefixMemory, prefixBlocks } from './prefix-memory.js';
import { inKeyOrder, rankWorkers } from './rank-workers.js';
import { residencyOf, secondsToFirstToken, type Tier, tierOf, type WorkerFacts } from './worker-facts.js';

export { type Job, WorkerBook, type WorkerWord } from './worker-book.js';

export interface RoutedRequest {
  readonly tenant: string;
  /** Empty for the base model alone. */
  readonly adapterDigests: readonly string[];
  readonly promptTokens: readonly number[];
}

export interface Stop {
  readonly address: string;
  readonly eligible: boolean;
  /** Until the first token, as predicted. */
  readonly waitSeconds: number;
  readonly tier: Tier;
}

export interface Route {
  /** Workers to try, the best first. */
  readonly stops: readonly Stop[];
  /** Addresses of workers that a hot adapter may use, or soon will, and that do not have it. */
  readonly replicasToBe: readonly string[];
  readonly blocks: readonly string[];
}

/** Chooses workers by what is known of them and by what was sent to them; the same facts give the same route. */
export class Router {
  private readonly heat = new AdapterHeat();
  private readonly prefixes = new PrefixMemory();

  route(workers: readonly WorkerFacts[], request: RoutedRequest, nowMs: number): Route {
    const { tenant, adapterDigests, promptTokens } = request;
    const [key = ''] = adapterDigests;
    if (key !== '') this.heat.note(key, nowMs);
    const able = workers.filter(({ available }) => available).length;
    const { replicas, growing } = this.heat.replication(key, Math.max(1, able), nowMs);
    const blocks = prefixBlocks(tenant, adapterDigests, promptTokens);
    const loads = workers.map((facts) => {
      const { address, available, fresh, rowsMax, kvUsage } = facts;
      const known = this.prefixes.knownTokens(address, blocks);
      return {
        address,
        available,
        fresh,
        rowsMax,
        kvUsage,
        requests: facts.running + facts.waiting,
        residency: adapterDigests.length === 0 ? 0 : residencyOf(facts, adapterDigests),
        prefixShare: known / Math.max(1, promptTokens.length),
        waitSeconds: secondsToFirstToken(facts, promptTokens.length - known),
        eligible: available && fresh,
        tier: tierOf(facts, adapterDigests),
      };
    });
    const homes = replicas + (growing ? 1 : 0);
    const hot = homes > 1 ? inKeyOrder(loads, key).slice(0, homes) : [];
    return {
      stops: rankWorkers(loads, { key, count: replicas }),
      replicasToBe: hot.filter(({ tier }) => tier === 'absent').map(({ address }) => address),
      blocks,
    };
  }

  /** The worker has begun to answer, so it has read the prompt. */
  answeredBy(address: string, { blocks }: Route): void {
    this.prefixes.sent(address, blocks);
  }

  /** The worker is gone, or has begun anew. */
  forget(address: string): void {
    this.prefixes.forget(address);
  }
}
