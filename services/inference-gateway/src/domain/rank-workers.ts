import { sha256 } from '@openledger/kernel';

export interface WorkerLoad {
  readonly address: string;
  /** False after a failed status call. */
  readonly reachable: boolean;
  /** Requests that this gateway has in flight there. */
  readonly inFlight: number;
}

/** A worker takes at most this many times the mean load before its keys overflow to the next one. */
const LOAD_BOUND = 1.25;

/**
 * The order in which to try workers for an adapter: rendezvous hashing (Thaler and Ravishankar 1998), so
 * that an adapter stays where its weights are, with bounded loads (Mirrokni et al. 2016), so that a hot
 * adapter spreads. Workers that do not answer come last, never first.
 */
export function rankWorkers<W extends WorkerLoad>(workers: readonly W[], adapterDigest: string): W[] {
  const total = workers.reduce((sum, worker) => sum + worker.inFlight, 0);
  const limit = Math.ceil((LOAD_BOUND * (total + 1)) / Math.max(1, workers.length));
  const penalty = (worker: W): number => (worker.reachable ? 0 : 2) + (worker.inFlight < limit ? 0 : 1);
  return workers
    .map((worker) => ({
      worker,
      penalty: penalty(worker),
      weight: sha256(`${adapterDigest}\0${worker.address}`),
    }))
    .sort((a, b) => a.penalty - b.penalty || (a.weight < b.weight ? 1 : -1))
    .map(({ worker }) => worker);
}
