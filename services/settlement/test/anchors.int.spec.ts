import { sha256 } from '@openledger/kernel';
import {
  ATTRIBUTION_STREAM,
  developmentWallet,
  RecordTree,
  sendAndWait,
  verifyRecord,
} from '@openledger/onchain';
import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import { SendTransactions } from '../src/application/chain/send-transactions.js';
import { AnchorManifests } from '../src/application/epochs/anchor-manifests.js';
import { migrations } from '../src/migrations/index.js';
import { AnchorRegistry } from '../src/outbound/epochs/anchor-registry.js';
import { PostgresAnchorQueries } from '../src/outbound/epochs/postgres-anchors.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';
import { type ChainFixture, startChain } from './chain-fixture.js';
import { chainReader, chainSender } from './chain-parts.js';

const NOW = new Date('2026-11-20T12:00:00Z');
const manifestOf = (ledgerEpoch: number) => sha256(`manifest ${ledgerEpoch}`);

describe('anchors of manifests', () => {
  let fixture: ChainFixture;
  let database: Database;
  let store: PostgresSettlementStore;
  let send: SendTransactions;
  let anchors: AnchorManifests;
  let queries: PostgresAnchorQueries;

  beforeEach(async () => {
    fixture = await startChain();
    database = await Database.open({ url: await testDatabase(), schema: 'settlement', migrations });
    store = new PostgresSettlementStore(database);
    const sender = chainSender(fixture);
    const finality = { blocks: 1 };
    send = new SendTransactions(store, sender, chainReader(fixture), {
      finality,
      replaceAfterMs: 60_000,
      attemptsMax: 8,
    });
    anchors = new AnchorManifests(store, new AnchorRegistry(fixture.registry), sender.address);
    queries = new PostgresAnchorQueries(database);
  });
  afterEach(async () => {
    await database.close();
    await fixture.chain.stop();
  });

  /** A closed ledger epoch; its manifest is written, or not yet. */
  const close = (ledgerEpoch: number, isWritten = true) =>
    database.query(
      'INSERT INTO ledger_epoch (epoch, opened_at, closed_at, policies, manifest) VALUES ($1, $2, $2, 1, $3)',
      [ledgerEpoch, NOW, isWritten ? manifestOf(ledgerEpoch) : null],
    );
  const stream = () => fixture.registry.stream(ATTRIBUTION_STREAM);

  it('cover every ledger epoch once, in order, under a root that proves each', async () => {
    expect(await anchors.run()).toBe(false);
    for (const ledgerEpoch of [1, 2, 3]) await close(ledgerEpoch);
    await close(4, false);
    expect(await anchors.run()).toBe(true);
    expect(await anchors.run()).toBe(false);
    await send.pass(NOW);
    expect(await stream()).toMatchObject({ next: 3, length: 1 });

    await database.query('UPDATE ledger_epoch SET manifest = $1 WHERE epoch = 4', [manifestOf(4)]);
    expect(await anchors.run()).toBe(true);
    await send.pass(NOW);
    expect(await stream()).toMatchObject({ next: 4, length: 2 });

    const [second, first] = await queries.anchors(10);
    expect(second).toMatchObject({ from: 4, to: 4, manifest: manifestOf(4) });
    expect(first).toMatchObject({ from: 1, to: 3, manifest: manifestOf(3) });
    expect(first?.transactionHash).toMatch(/^0x[0-9a-f]{64}$/);
    const root = first?.root ?? '';
    expect(await fixture.registry.anchorOf(ATTRIBUTION_STREAM, root)).toMatchObject({
      from: 0,
      to: 3,
      count: 3,
    });
    const leaves = [1, 2, 3].map((number) => ({ number, hash: `0x${manifestOf(number)}` }));
    const proof = RecordTree.of(leaves).proofOf(2) ?? [];
    expect(verifyRecord(root, { number: 2, hash: `0x${manifestOf(2)}` }, proof)).toBe(true);
    expect(verifyRecord(root, { number: 2, hash: `0x${manifestOf(9)}` }, proof)).toBe(false);
  });

  it('are one where two replicas look at once', async () => {
    for (const ledgerEpoch of [1, 2]) await close(ledgerEpoch);
    const queued = await Promise.all([anchors.run(), anchors.run(), anchors.run()]);
    expect(queued.filter(Boolean)).toHaveLength(1);
    await send.pass(NOW);
    expect(await stream()).toMatchObject({ next: 2, length: 1 });
  });

  it('are left to another key where that one publishes', async () => {
    await close(1);
    const { payer, registry, chain } = fixture;
    // The deployer administrates local chains.
    const administrator = developmentWallet(0).connect(chain.provider);
    await sendAndWait(administrator, registry.setPublisher(await payer.getAddress()));
    expect(await anchors.run()).toBe(false);
    expect(await queries.anchors(10)).toEqual([]);
  });

  it('stop when the chain tells of anchors that the books do not know', async () => {
    await close(1);
    const operator = developmentWallet(1).connect(fixture.chain.provider);
    const theirs = { stream: ATTRIBUTION_STREAM, root: `0x${'7'.repeat(64)}`, from: 0, to: 5, count: 5 };
    await sendAndWait(operator, fixture.registry.anchor({ ...theirs, manifest: `0x${'8'.repeat(64)}` }));
    await expect(anchors.run()).rejects.toMatchObject({ code: 'ANCHORS_DIVERGED' });
    expect(await queries.anchors(10)).toEqual([]);
  });
});
