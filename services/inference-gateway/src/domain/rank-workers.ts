import { sha256 } from '@openledger/kernel';

/** What speaks for or against one worker for one request. */
export interface WorkerLoad {
  readonly address: string;
  /** False while a worker is left alone after a failure. */
  readonly available: boolean;
  /** False where what is known of it is too old to go by: such a worker counts as full. */
  readonly fresh: boolean;
  /** Requests at hand there, running or waiting. */
  readonly requests: number;
  /** Requests that it works on at once; 0 where it has not said. */
  readonly rowsMax: number;
  /** 1 where the adapters are ready for the next step, 0 where they are to be fetched. */
  readonly residency: number;
  /** Share of the prompt that need not be read again. */
  readonly prefixShare: number;
  /** Until the first token, as predicted. */
  readonly waitSeconds: number;
  /** Share of the memory for keys and values in use. */
  readonly kvUsage: number;
}

export interface Homes {
  /** What the request is hashed by; empty where it has no home. */
  readonly key: string;
  /** So many of the first workers in the key's order are its homes. */
  readonly count: number;
}

/** A worker takes at most this many times the mean load before its keys overflow to the next one. */
const LOAD_BOUND = 1.25;
/**
 * So much predicted waiting is as bad as an adapter that is not there. Bench `gateway.routing`: with half of it
 * 7 % more adapters are fetched, with twice as much 20 % are added to the slowest first tokens.
 */
const WAIT_SECONDS_UNIT = 4;
/** Less than residency: an adapter is used where it is. More than what a short queue takes away. */
const HOME_BONUS = 0.3;
const KV_WEIGHT = 0.5;

/**
 * The order in which to try workers. Rendezvous hashing (Thaler and Ravishankar 1998) gives a key its homes,
 * bounded loads (Mirrokni et al. 2016) spread what one worker cannot take, and in between decides what is
 * known: where the adapter and the prompt's beginning are, and how long the queue takes. Workers that failed
 * come last, never first.
 */
export function rankWorkers<W extends WorkerLoad>(workers: readonly W[], homes: Homes): W[] {
  const bound = loadBound(workers);
  return inKeyOrder(workers, homes.key)
    .map((worker, place) => ({
      worker,
      penalty: penaltyOf(worker, bound),
      score: scoreOf(worker) + homeBonus(place, workers.length, homes),
    }))
    .sort((a, b) => a.penalty - b.penalty || b.score - a.score)
    .map(({ worker }) => worker);
}

/** Workers by their rendezvous weight for a key, the same in every process. */
export function inKeyOrder<W extends { readonly address: string }>(workers: readonly W[], key: string): W[] {
  return workers
    .map((worker) => ({ worker, weight: sha256(`${key}\0${worker.address}`) }))
    .sort((a, b) => (a.weight < b.weight ? 1 : -1))
    .map(({ worker }) => worker);
}

function loadBound(workers: readonly WorkerLoad[]): number {
  const able = workers.filter(({ available }) => available);
  const total = able.reduce((sum, { requests }) => sum + requests, 0);
  return Math.ceil((LOAD_BOUND * (total + 1)) / Math.max(1, able.length));
}

/** A worker with a free row has not more than it can take, however little the others have. */
function penaltyOf({ available, fresh, requests, rowsMax }: WorkerLoad, bound: number): number {
  const full = !fresh || requests >= Math.max(bound, rowsMax);
  return (available ? 0 : 2) + (full ? 1 : 0);
}

function scoreOf({ residency, prefixShare, waitSeconds, kvUsage }: WorkerLoad): number {
  return residency + prefixShare - waitSeconds / WAIT_SECONDS_UNIT - KV_WEIGHT * kvUsage;
}

/** Beyond the homes the order still counts a little, so that what overflows goes to the same worker again. */
function homeBonus(place: number, workers: number, { key, count }: Homes): number {
  if (key === '') return 0;
  return place < count ? HOME_BONUS : (HOME_BONUS / 2) * (1 - place / workers);
}
