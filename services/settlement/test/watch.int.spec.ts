import {
  developmentWallet,
  OpenToken,
  ParamRegistry,
  StakeRegistry,
  sendAndWait,
  startAnvil,
} from '@openledger/onchain';
import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import { ChainReader, type FinalityTag, type SeenLog } from '../src/application/chain/chain-ports.js';
import { CompareEndpoints } from '../src/application/chain/compare-endpoints.js';
import { WatchChain, type WatchOptions } from '../src/application/chain/watch-chain.js';
import { payer } from '../src/domain/ledger/accounts.js';
import { availableOf } from '../src/domain/ledger/standing.js';
import { migrations } from '../src/migrations/index.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';
import { type ChainFixture, OPEN, startChain } from './chain-fixture.js';
import { chainReader } from './chain-parts.js';

const ORGANISATION = '0190f3a0-0000-7000-8000-000000000001';
const NOW = new Date('2026-11-20T12:00:00Z');
/** As many blocks as the watcher remembers. */
const JOURNAL = 512;

/** An endpoint that can lie about anything; without a lie it tells what the chain says. */
class Liar extends ChainReader {
  lies: {
    head?: number;
    hash?: (number: number) => string | undefined;
    logs?: (logs: SeenLog[]) => SeenLog[];
  } = {};

  constructor(private readonly honest: ChainReader) {
    super();
  }

  async head(): Promise<number> {
    return this.lies.head ?? this.honest.head();
  }

  async blockHash(number: number): Promise<string | undefined> {
    return this.lies.hash ? this.lies.hash(number) : this.honest.blockHash(number);
  }

  async logs(from: number, to: number): Promise<SeenLog[]> {
    const logs = await this.honest.logs(from, to);
    return this.lies.logs ? this.lies.logs(logs) : logs;
  }

  tagged(tag: FinalityTag): Promise<number | undefined> {
    return this.honest.tagged(tag);
  }
}

describe('following a chain', () => {
  let fixture: ChainFixture;
  let database: Database;
  let store: PostgresSettlementStore;
  let liar: Liar;

  beforeEach(async () => {
    fixture = await startChain();
    database = await Database.open({ url: await testDatabase(), schema: 'settlement', migrations });
    store = new PostgresSettlementStore(database);
    liar = new Liar(chainReader(fixture));
  });
  afterEach(async () => {
    await database.close();
    await fixture.chain.stop();
  });

  const rpc = (method: string, params: unknown[]) => fixture.chain.provider.send(method, params);
  const watch = (chain: ChainReader = liar, options: Partial<WatchOptions> = {}) =>
    new WatchChain(store, chain, { startBlock: 0, confirmations: 1, ...options }).catchUp(() => NOW);
  const available = async () =>
    availableOf(await store.transaction((tx) => tx.ledger.lock(payer(ORGANISATION))));
  const transfers = async () => {
    const [row] = await database.query<{ count: number }>('SELECT count(*)::int AS count FROM journal');
    return row?.count;
  };

  it('changes nothing by an endpoint that goes backwards, forgets or stalls', async () => {
    await fixture.deposit(ORGANISATION, 3n * OPEN);
    await watch();
    const [head, before] = [await liar.head(), await transfers()];
    for (const lies of [
      { head: head - 1 },
      { head: 0 },
      { hash: () => undefined },
      { head, hash: (number: number) => (number === head ? undefined : `0x${number}`) },
    ]) {
      liar.lies = lies;
      const code = lies.hash ? 'RPC_FORGOT_BLOCK' : 'RPC_HEAD_BACKWARDS';
      await expect(watch()).rejects.toMatchObject({ code, kind: 'unavailable' });
    }
    liar.lies = { head };
    await fixture.deposit(ORGANISATION, OPEN);
    await watch();
    expect(await transfers()).toBe(before);
    liar.lies = {};
    await watch();
    expect(await available()).toBe(4n * OPEN);
  });

  it('takes no logs of a block that is not there, and none that nobody asked for', async () => {
    await fixture.deposit(ORGANISATION, 3n * OPEN);
    const foreign = (log: SeenLog): SeenLog => ({ ...log, blockHash: `0x${'ab'.repeat(32)}` });
    for (const lie of [
      (logs: SeenLog[]) => logs.map(foreign),
      (logs: SeenLog[]) => [...logs, ...logs.slice(0, 1).map(foreign)],
      (logs: SeenLog[]) => logs.map((log) => ({ ...log, blockNumber: log.blockNumber - 1 })),
    ]) {
      liar.lies = { logs: lie };
      await expect(watch()).rejects.toMatchObject({ code: 'RPC_LOGS_FOREIGN' });
    }
    expect(await transfers()).toBe(0);
    liar.lies = {};
    await watch();
    expect(await available()).toBe(3n * OPEN);
  });

  it('believes a deposit only where a second endpoint of the same chain has it', async () => {
    const stranger = await startAnvil();
    try {
      await stranger.provider.send('anvil_mine', ['0x40']);
      await fixture.deposit(ORGANISATION, 3n * OPEN);
      const [honest, other] = [chainReader(fixture), chainReader(fixture, stranger.provider)];
      const compared = (...readers: ChainReader[]) =>
        new CompareEndpoints(
          readers.map((reader, index) => ({ name: `node ${index}`, reader })),
          { lagMax: 1_000 },
        );
      await expect(watch(compared(honest, other))).rejects.toMatchObject({ code: 'RPC_DISAGREES' });
      liar.lies = { logs: (logs) => logs.map((log) => inflated(log)) };
      await expect(watch(compared(honest, liar))).rejects.toMatchObject({ code: 'RPC_DISAGREES' });
      liar.lies = { logs: () => [] };
      await expect(watch(compared(honest, liar))).rejects.toMatchObject({ code: 'RPC_DISAGREES' });
      expect(await transfers()).toBe(0);
      liar.lies = { logs: (logs) => logs.map((log) => inflated(log)) };
      await watch(compared(honest, liar, chainReader(fixture)));
      expect(await available()).toBe(3n * OPEN);
    } finally {
      await stranger.stop();
    }
  });

  it('counts a deposit when the chain calls its block safe, where it is told to wait for that', async () => {
    await fixture.deposit(ORGANISATION, OPEN);
    await watch(liar, { tag: 'safe' });
    expect(await available()).toBe(0n);
    await rpc('anvil_mine', ['0x20']);
    await watch(liar, { tag: 'safe' });
    expect(await available()).toBe(OPEN);
  });

  it('gives a reorg below everything it remembers to people', async () => {
    await rpc('anvil_mine', [`0x${(2 * JOURNAL).toString(16)}`]);
    await watch();
    const [head] = await database.query<{ number: string }>('SELECT max(number) AS number FROM chain_block');
    await database.query('UPDATE chain_block SET hash = $1', ['0xgone']);
    await database.query(
      `INSERT INTO chain_block SELECT number, '0xgone' FROM generate_series($1::bigint - $2, $1) number
       ON CONFLICT DO NOTHING`,
      [Number(head?.number), JOURNAL],
    );
    await expect(watch()).rejects.toMatchObject({ code: 'REORG_TOO_DEEP' });
    expect(await store.transaction((tx) => tx.cases.list(10))).toMatchObject([
      { code: 'REORG_TOO_DEEP', freezes: 'payouts' },
    ]);
  });

  it('keeps logs of dropped blocks, and ends like a fresh index after many reorgs', async () => {
    const fresh = await Database.open({ url: await testDatabase(), schema: 'settlement', migrations });
    try {
      await rpc('anvil_mine', ['0x5']);
      for (let round = 1; round <= 8; round += 1) {
        await fixture.deposit(ORGANISATION, BigInt(round) * OPEN);
        await watch();
        await rpc('anvil_reorg', [1 + (round % 3), []]);
        fixture.payer.reset();
        if (round % 2 === 0) await watch();
      }
      await fixture.deposit(ORGANISATION, OPEN);
      await watch();
      const freshStore = new PostgresSettlementStore(fresh);
      await new WatchChain(freshStore, chainReader(fixture), { startBlock: 0, confirmations: 1 }).catchUp(
        () => NOW,
      );
      const expected = await freshStore.transaction((tx) => tx.ledger.lock(payer(ORGANISATION)));
      expect(await available()).toBe(availableOf(expected));
      const [kept] = await database.query<{ applied: number; orphaned: number }>(
        `SELECT count(*) FILTER (WHERE state = 'applied')::int AS applied,
           count(*) FILTER (WHERE state = 'orphaned')::int AS orphaned
         FROM chain_log WHERE event ->> 'kind' = 'deposited'`,
      );
      expect(kept?.applied).toBeGreaterThan(0);
      expect(kept?.orphaned).toBeGreaterThan(4);
    } finally {
      await fresh.close();
    }
  });

  it('takes over parameters that governance scheduled, and stops payouts when a reorg takes them back', async () => {
    const { deployment, chain } = fixture;
    await rpc('anvil_impersonateAccount', [deployment.timelock]);
    await chain.setBalance(deployment.timelock, OPEN);
    const timelock = await chain.provider.getSigner(deployment.timelock);
    const registry = new ParamRegistry(deployment.paramRegistry, chain.provider);
    const effectiveAtS = ((await chain.provider.getBlock('latest'))?.timestamp ?? 0) + 30 * 86_400;
    const params = { ...(await registry.current()), stakersBps: 1_000, contributorsBps: 6_000, effectiveAtS };
    await watch();
    await sendAndWait(timelock, registry.schedule(params));
    await watch();
    const policies = await store.transaction((tx) => tx.policies.all());
    expect(policies.at(-1)).toMatchObject({
      effectiveFrom: new Date(effectiveAtS * 1_000),
      roles: { stakersBps: 1_000, contributorsBps: 6_000 },
    });
    expect(await store.transaction((tx) => tx.cases.frozen('payouts'))).toBe(false);
    await rpc('anvil_reorg', [1, []]);
    await watch();
    expect(await store.transaction((tx) => tx.cases.list(10))).toMatchObject([{ code: 'DECISION_UNDONE' }]);
  });

  it('stops payouts at a root that it never made, and keeps stakes for people to see', async () => {
    const { deployment, chain, payer: staker } = fixture;
    const stakes = new StakeRegistry(deployment.stakeRegistry, chain.provider);
    const token = new OpenToken(deployment.token, chain.provider);
    await sendAndWait(staker, token.approve(deployment.stakeRegistry, OPEN));
    await sendAndWait(staker, stakes.stake('validators', OPEN));
    await watch();
    const kept = await database.query<{ event: unknown }>(
      "SELECT event FROM chain_log WHERE event ->> 'kind' = 'stake'",
    );
    expect(kept).toMatchObject([
      { event: { what: 'staked', pool: 'validators', amountWei: OPEN.toString() } },
    ]);
    const thief = developmentWallet(1).connect(chain.provider);
    const root = { epoch: 1, root: `0x${'1'.repeat(64)}`, totalWei: 0n, manifest: `0x${'2'.repeat(64)}` };
    await sendAndWait(thief, fixture.distributor.postRoot(root));
    await watch();
    expect(await store.transaction((tx) => tx.cases.list(10))).toMatchObject([
      { code: 'ROOT_FOREIGN', freezes: 'payouts', subject: 'epoch:1', actual: root.root },
    ]);
  });
});

function inflated(log: SeenLog): SeenLog {
  const { event } = log;
  return event.kind === 'deposited' ? { ...log, event: { ...event, amountWei: event.amountWei * 10n } } : log;
}
