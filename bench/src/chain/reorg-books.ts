import type { Database } from '@openledger/persistence';
import { type Account, PostgresSettlementStore, single, wallet } from '@openledger/settlement/chain';
import { hashOf } from './simulated-chain.js';

export const ORGANISATIONS = [1, 2, 3].map((n) => `0190f3a0-0000-7000-8000-00000000000${n}`);
export const WALLETS = [1, 2, 3].map((n) => `0x${String(n).repeat(40)}`);
export const CHANNELS = ORGANISATIONS.map((organisationId) => ({
  id: hashOf(organisationId),
  organisationId,
}));
const VOUCHER_WEI = 40n;
const BEGUN_AT = new Date('2026-11-21T00:00:00Z');
/** Where promises to wallets come from, which answers would make. */
export const EARNED: Account = { id: 'suspense:earned', kind: 'open' };
const PROMISED_WEI = 10n ** 24n;

const CONFIG = {
  payer: '0x',
  payerAuthorizer: '0x',
  receiver: '0x',
  receiverAuthorizer: '0x',
  token: '0x',
  withdrawDelay: 900,
  salt: '0x',
};

const TABLES = [
  'channel_voucher',
  'channel',
  'chain_attempt',
  'chain_tx',
  'chain_signer',
  'chain_signing',
  'chain_log',
  'chain_block',
  'chain_case',
  'epoch_funding',
  'epoch',
  'outbox',
  'transfer',
  'account',
];

/** Books are append-only; a benchmark that begins hundreds of them sets that aside. */
const empty = (database: Database): Promise<void> =>
  database.transaction(async (tx) => {
    await tx.query('SET LOCAL session_replication_role = replica');
    for (const table of TABLES) await tx.query(`DELETE FROM ${table}`);
  });

/** Empties the books, and writes what does not come from the chain. */
export async function beginBooks(database: Database): Promise<void> {
  await empty(database);
  const store = new PostgresSettlementStore(database);
  await store.transaction(async (tx) => {
    await tx.ledger.post(
      WALLETS.map((address) =>
        single({
          debit: EARNED,
          credit: wallet(address),
          amountWei: PROMISED_WEI,
          reason: 'earned',
          reference: address,
        }),
      ),
    );
    for (const { id, organisationId } of CHANNELS)
      await tx.channels.lock(id, organisationId, CONFIG, BEGUN_AT);
  });
  await database.query('UPDATE channel SET voucher_max = $1', [VOUCHER_WEI.toString()]);
}

/** Debits less credits, in wei. */
export async function balanceOf(database: Database, account: string): Promise<bigint> {
  const [row] = await database.query<{ wei: string }>(
    'SELECT debits_posted - credits_posted AS wei FROM account WHERE id = $1',
    [account],
  );
  return BigInt(row?.wei ?? 0);
}

/** Who owes from a reorg and who was credited are one; so are the vault and what it is short of. */
export async function netBalances(database: Database): Promise<Map<string, bigint>> {
  const rows = await database.query<{ name: string; wei: string }>(
    `SELECT CASE WHEN id LIKE 'suspense:reorg:%' THEN 'payer:' || split_part(id, ':', 3)
         WHEN id IN ('chain:vault', 'suspense:vault') THEN 'vault' ELSE id END AS name,
       sum(debits_posted - credits_posted) AS wei
     FROM account GROUP BY 1`,
  );
  return new Map(rows.map((row) => [row.name, BigInt(row.wei)]));
}
