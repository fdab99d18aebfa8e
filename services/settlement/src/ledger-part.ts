import { LedgerQueries } from './application/ledger/ledger-queries.js';
import { PastBalance } from './application/ledger/past-balance.js';
import { SealLedger } from './application/ledger/seal-ledger.js';
import { VerifyChain } from './application/ledger/verify-chain.js';
import { VoidExpired } from './application/ledger/void-expired.js';
import { BalanceController } from './inbound/balance.rest.js';
import { LedgerController } from './inbound/ledger.rest.js';
import { PostgresLedgerQueries } from './outbound/ledger/postgres-ledger-queries.js';
import type { Base, Part } from './part.js';

/** How far the sealed chain is behind, and how much of the ledger a question about the past reads at most. */
const SEAL_EVERY_MS = 5_000;

/** Seals the books, answers for the past, and frees what was reserved for too long. */
export function ledgerPart({ host, config, store }: Base): Part {
  const queries = new PostgresLedgerQueries(host.database);
  const sealLedger = new SealLedger(store);
  const voidExpired = new VoidExpired(store);
  return {
    controllers: [BalanceController, LedgerController],
    providers: [
      { provide: LedgerQueries, useValue: queries },
      { provide: PastBalance, useValue: new PastBalance(queries) },
      { provide: VerifyChain, useValue: new VerifyChain(store) },
    ],
    loops: [
      {
        name: 'seal ledger',
        everyMs: SEAL_EVERY_MS,
        work: async () => void (await sealLedger.run(host.clock.now())),
      },
      {
        name: 'void expired transfers',
        everyMs: config.SETTLEMENT_HOLD_SWEEP_MS,
        work: async () => void (await voidExpired.run()),
      },
    ],
  };
}
