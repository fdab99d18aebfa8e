import { disableEpochs } from '../epochs/disable-epochs.js';
import type { SettlementTx } from '../ports.js';
import type { ChainEvent, ParametersEvent, RootEvent } from './chain-events.js';
import type { SeenLog } from './chain-ports.js';

type Governance = ParametersEvent | RootEvent;

const KINDS: ReadonlySet<ChainEvent['kind']> = new Set([
  'parameters-scheduled',
  'root-posted',
  'roots-disabled',
] satisfies Governance['kind'][]);

/** Whether an event changes what we do, beside where money is. */
export const isGovernance = (event: ChainEvent): event is Governance => KINDS.has(event.kind);

export async function applyGovernance(
  tx: SettlementTx,
  event: Governance,
  log: SeenLog,
  now: Date,
): Promise<void> {
  if (event.kind === 'root-posted') await checkRoot(tx, event, log, now);
  else if (event.kind === 'roots-disabled') await disableEpochs(tx, event.firstEpoch);
  else if (event.kind === 'parameters-scheduled') {
    const { version, effectiveAtS, kind: _, ...roles } = event;
    await tx.policies.save({
      effectiveFrom: new Date(effectiveAtS * 1_000),
      registryVersion: version,
      roles,
    });
  }
}

/**
 * A reorg took back what we acted on. Epochs that were taken apart, and policies that fees may have been split by,
 * cannot be put together by a machine.
 */
export async function reverseGovernance(
  tx: SettlementTx,
  event: Governance,
  log: SeenLog,
  now: Date,
): Promise<void> {
  if (event.kind === 'root-posted') return;
  await tx.cases.open(
    {
      freezes: 'payouts',
      code: 'DECISION_UNDONE',
      subject: `${log.transactionHash}:${log.logIndex}`,
      expected: event.kind,
      actual: 'the block that held it is no longer part of the chain',
      blockNumber: log.blockNumber,
    },
    now,
  );
}

/** A root that we never made was signed by somebody who has the key. */
async function checkRoot(
  tx: SettlementTx,
  event: Extract<RootEvent, { kind: 'root-posted' }>,
  log: SeenLog,
  now: Date,
): Promise<void> {
  const epoch = await tx.epochs.find(event.epoch);
  // Earlier closings of a number that was disabled are not kept.
  if (epoch && (epoch.root === event.root || epoch.revision > 1)) return;
  await tx.cases.open(
    {
      freezes: 'payouts',
      code: 'ROOT_FOREIGN',
      subject: `epoch:${event.epoch}`,
      expected: epoch?.root ?? 'no root of ours',
      actual: event.root,
      blockNumber: log.blockNumber,
    },
    now,
  );
}
