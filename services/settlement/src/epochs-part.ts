import { DomainError } from '@openledger/kernel';
import { CloseEpoch } from './application/close-epoch.js';
import type { Base, Part } from './part.js';

/** How often within an epoch it is asked whether the epoch is over, between these bounds. */
const EPOCH_CHECKS = 60;
const EPOCH_CHECK_MIN_MS = 200;
const EPOCH_CHECK_MAX_MS = 60_000;

/** Turns what accrued into promises, and roots of them for the chain. */
export function epochsPart({ host, config, store, chain }: Base): Part {
  const closeEpoch = new CloseEpoch(store, chain.contracts);
  const intervalMs = config.SETTLEMENT_EPOCH_MS;
  return {
    providers: [{ provide: CloseEpoch, useValue: closeEpoch }],
    loops: [
      {
        name: 'close epoch',
        everyMs: Math.min(Math.max(intervalMs / EPOCH_CHECKS, EPOCH_CHECK_MIN_MS), EPOCH_CHECK_MAX_MS),
        work: async () => {
          const now = host.clock.now();
          if (await closeEpoch.due(now, intervalMs)) await closeEpoch.run(now).catch(ignoreIdle);
        },
      },
    ],
  };
}

/** An epoch in which nobody earned is skipped, and one that is still on its way is waited for. */
function ignoreIdle(error: unknown): void {
  const idle =
    error instanceof DomainError && ['NOTHING_TO_SETTLE', 'EPOCH_IN_PROGRESS'].includes(error.code);
  if (!idle) throw error;
}
