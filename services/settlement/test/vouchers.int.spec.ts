import { type ChannelConfig, developmentWallet, payerAccount, sendAndWait } from '@openledger/onchain';
import { Database } from '@openledger/persistence';
import { eventually, testDatabase } from '@openledger/testing';
import { type HDNodeWallet, ZeroAddress } from 'ethers';
import { SendTransactions } from '../src/application/chain/send-transactions.js';
import { WatchChain } from '../src/application/chain/watch-chain.js';
import { AcceptVoucher, type PresentedVoucher } from '../src/application/channels/accept-voucher.js';
import { ClaimChannels } from '../src/application/channels/claim-channels.js';
import { migrations } from '../src/migrations/index.js';
import { EscrowChannels } from '../src/outbound/channels/escrow-channels.js';
import { EthereumPayoutContracts } from '../src/outbound/epochs/payout-contracts.js';
import { PostgresQueries } from '../src/outbound/postgres-queries.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';
import { type ChainFixture, OPEN, startChain } from './chain-fixture.js';
import { chainReader, chainSender, escrowOf } from './chain-parts.js';

const ORGANISATION = '0190f3a0-0000-7000-8000-000000000001';
const OTHER = '0190f3a0-0000-7000-8000-000000000002';
const NOW = new Date('2026-11-20T12:00:00Z');
const LATER = new Date('2026-11-20T13:00:00Z');
const DELAY_S = 900;

describe('topping up by vouchers', () => {
  let fixture: ChainFixture;
  let database: Database;
  let store: PostgresSettlementStore;
  let accept: AcceptVoucher;
  let claim: ClaimChannels;
  let snapshot: unknown;
  const key = developmentWallet(4);

  beforeAll(async () => {
    fixture = await startChain();
    const { token, deployment, payer } = fixture;
    await sendAndWait(payer, token.approve(deployment.escrow, 10n ** 27n));
  });
  afterAll(() => fixture.chain.stop());
  beforeEach(async () => {
    snapshot = await rpc('evm_snapshot', []);
    fixture.payer.reset();
    database = await Database.open({ url: await testDatabase(), schema: 'settlement', migrations });
    store = new PostgresSettlementStore(database);
    const { deployment, chain } = fixture;
    const channels = new EscrowChannels(escrowOf(fixture), {
      chainId: chain.chainId,
      receiver: deployment.vault,
      receiverAuthorizer: chainSender(fixture).address,
      token: deployment.token,
    });
    accept = new AcceptVoucher(store, channels);
    claim = new ClaimChannels(store, channels, 600_000);
  });
  afterEach(async () => {
    await database.close();
    await rpc('evm_revert', [snapshot]);
  });

  const rpc = (method: string, params: unknown[]) => fixture.chain.provider.send(method, params);
  const catchUp = () =>
    new WatchChain(store, chainReader(fixture), { startBlock: 0, confirmations: 1 }).catchUp(() => NOW);
  const send = async () => {
    const loop = new SendTransactions(store, chainSender(fixture), chainReader(fixture), {
      finality: { blocks: 64 },
      replaceAfterMs: 60_000,
      attemptsMax: 4,
    });
    await eventually(async () => {
      await loop.pass(NOW);
      const sent = await store.transaction((tx) => tx.chain.summaries(10));
      expect(sent.filter(({ state }) => state !== 'mined')).toEqual([]);
    });
  };
  const channelOf = (organisationId: string, over: Partial<ChannelConfig> = {}): ChannelConfig => ({
    payer: developmentWallet(2).address,
    payerAuthorizer: key.address,
    receiver: fixture.deployment.vault,
    receiverAuthorizer: chainSender(fixture).address,
    token: fixture.deployment.token,
    withdrawDelay: DELAY_S,
    salt: payerAccount(organisationId),
    ...over,
  });
  const voucher = async (
    config: ChannelConfig,
    maxClaimableWei: bigint,
    signer: HDNodeWallet = key,
  ): Promise<PresentedVoucher> => ({
    ...(await escrowOf(fixture).signing.signVoucher(signer, config, maxClaimableWei)),
    chainId: fixture.chain.chainId,
  });
  const fund = async (config: ChannelConfig, amountWei: bigint) => {
    await sendAndWait(fixture.payer, escrowOf(fixture).deposit(config, amountWei));
    await catchUp();
  };
  const present = async (config: ChannelConfig, maxClaimableWei: bigint, organisationId = ORGANISATION) =>
    accept.run(organisationId, await voucher(config, maxClaimableWei), NOW);
  const available = async (organisationId = ORGANISATION) => {
    const contracts = new EthereumPayoutContracts(fixture.vault, fixture.distributor);
    return (await new PostgresQueries(database, contracts).balance(organisationId)).availableWei;
  };
  const standing = async (account: string) => {
    const [row] = await database.query<{ wei: string }>(
      'SELECT debits_posted - credits_posted AS wei FROM account WHERE id = $1',
      [account],
    );
    return BigInt(row?.wei ?? 0);
  };
  const channel = async (config: ChannelConfig) => {
    const id = escrowOf(fixture).signing.channelId(config).toLowerCase();
    return store.transaction((tx) => tx.channels.find(id));
  };

  it('credits the increase, once, before anything is on chain', async () => {
    const config = channelOf(ORGANISATION);
    await fund(config, 10n * OPEN);
    expect(await present(config, 3n * OPEN)).toMatchObject({
      increaseWei: 3n * OPEN,
      acceptedWei: 3n * OPEN,
      depositedWei: 10n * OPEN,
    });
    expect(await present(config, 5n * OPEN)).toMatchObject({ increaseWei: 2n * OPEN });
    // The same again, and at the same time, changes nothing.
    const same = await voucher(config, 5n * OPEN);
    const answers = await Promise.allSettled([1, 2, 3].map(() => accept.run(ORGANISATION, same, NOW)));
    for (const answer of answers) {
      if (answer.status === 'fulfilled') expect(answer.value.increaseWei).toBe(0n);
      else expect(answer.reason).toMatchObject({ code: 'CHANNEL_BUSY' });
    }
    await expect(present(config, 4n * OPEN)).rejects.toMatchObject({
      code: 'VOUCHER_TOO_LOW',
      kind: 'payment-required',
      details: { acceptedWei: (5n * OPEN).toString(), depositedWei: (10n * OPEN).toString() },
    });
    expect(await available()).toBe(5n * OPEN);
    expect(await standing('chain:escrow')).toBe(5n * OPEN);
  });

  it('credits a channel once when its first vouchers come at the same time', async () => {
    const config = channelOf(ORGANISATION);
    await fund(config, 10n * OPEN);
    const vouchers = await Promise.all([1n, 2n, 3n, 4n].map((amount) => voucher(config, amount * OPEN)));
    const answers = await Promise.allSettled(vouchers.map((one) => accept.run(ORGANISATION, one, NOW)));
    const credited = answers.reduce(
      (sum, answer) => sum + (answer.status === 'fulfilled' ? answer.value.increaseWei : 0n),
      0n,
    );
    expect(credited).toBeGreaterThan(0n);
    expect(await available()).toBe(credited);
    expect((await channel(config))?.acceptedWei).toBe(credited);
  });

  it('does not count a deposit that is not deep enough', async () => {
    const config = channelOf(ORGANISATION);
    await sendAndWait(fixture.payer, escrowOf(fixture).deposit(config, 10n * OPEN));
    await expect(present(config, OPEN)).rejects.toMatchObject({
      code: 'VOUCHER_EXCEEDS_DEPOSIT',
      details: { depositedWei: '0' },
    });
    await catchUp();
    await expect(present(config, 10n * OPEN + 1n)).rejects.toMatchObject({ code: 'VOUCHER_EXCEEDS_DEPOSIT' });
    expect(await present(config, 10n * OPEN)).toMatchObject({ increaseWei: 10n * OPEN });
  });

  it('refuses vouchers of others, for others and for other chains', async () => {
    const config = channelOf(ORGANISATION);
    await fund(config, 10n * OPEN);
    const good = await voucher(config, OPEN);
    const stranger = await voucher(config, OPEN, developmentWallet(5));
    const another = channelOf(ORGANISATION, { receiver: developmentWallet(5).address });
    const operator = channelOf(ORGANISATION, { receiverAuthorizer: developmentWallet(5).address });
    const keyless = channelOf(ORGANISATION, { payerAuthorizer: ZeroAddress });
    const refused: [string, PresentedVoucher, string][] = [
      [OTHER, good, 'VOUCHER_NOT_YOURS'],
      [ORGANISATION, { ...good, chainId: 1 }, 'VOUCHER_WRONG_CHAIN'],
      [ORGANISATION, { ...good, maxClaimableWei: 2n * OPEN }, 'INVALID_VOUCHER_SIGNATURE'],
      [ORGANISATION, stranger, 'INVALID_VOUCHER_SIGNATURE'],
      [ORGANISATION, await voucher(another, OPEN), 'VOUCHER_WRONG_RECEIVER'],
      [ORGANISATION, await voucher(operator, OPEN), 'VOUCHER_WRONG_RECEIVER'],
      [ORGANISATION, await voucher(keyless, OPEN, developmentWallet(2)), 'VOUCHER_WITHOUT_KEY'],
      [ORGANISATION, { ...good, config: { ...config, withdrawDelay: 1 } }, 'INVALID_CHANNEL'],
      [ORGANISATION, { ...good, config: { ...config, withdrawDelay: 901 } }, 'VOUCHER_EXCEEDS_DEPOSIT'],
    ];
    for (const [organisationId, one, code] of refused) {
      await expect(accept.run(organisationId, one, NOW)).rejects.toMatchObject({ code });
    }
    expect(await available()).toBe(0n);
    expect(await standing('chain:escrow')).toBe(0n);
  });

  it('claims many channels in one transaction, sweeps, and leaves out the one that fails', async () => {
    const good = channelOf(ORGANISATION);
    const bad = channelOf(OTHER);
    await fund(good, 10n * OPEN);
    await fund(bad, 10n * OPEN);
    await present(good, 4n * OPEN);
    await present(bad, 6n * OPEN, OTHER);
    await claim.run(NOW);
    expect(await store.transaction((tx) => tx.chain.summaries(10))).toEqual([]);

    // Corrupt what would be sent for one of them: the escrow skips the row.
    await database.query('UPDATE channel SET signature = $1 WHERE organisation_id = $2', [
      `0x${'11'.repeat(65)}`,
      OTHER,
    ]);
    await claim.run(LATER);
    await send();
    await catchUp();
    await claim.run(LATER);
    await send();
    await catchUp();
    expect(await channel(good)).toMatchObject({ claimedWei: 4n * OPEN });
    expect(await channel(bad)).toMatchObject({ claimedWei: 0n, frozen: 'invalid-signature' });
    expect(await standing('chain:vault')).toBe(4n * OPEN);
    expect(await standing('chain:escrow')).toBe(6n * OPEN);
    expect(await fixture.token.balanceOf(fixture.deployment.vault)).toBe(4n * OPEN);
    const sent = await store.transaction((tx) => tx.chain.summaries(10));
    expect(sent.map(({ purpose, state }) => [purpose.split(':')[0], state])).toEqual([
      ['settle', 'mined'],
      ['channels', 'mined'],
    ]);
    const cases = await store.transaction((tx) => tx.cases.list(10));
    expect(cases).toMatchObject([{ code: 'VOUCHER_SKIPPED', freezes: 'channel' }]);
    await expect(present(bad, 7n * OPEN, OTHER)).rejects.toMatchObject({ code: 'CHANNEL_FROZEN' });
    expect(await present(good, 5n * OPEN)).toMatchObject({ increaseWei: OPEN, claimedWei: 4n * OPEN });
    expect(await store.transaction((tx) => tx.channels.vouchersOf(ORGANISATION, 10))).toMatchObject([
      { maxClaimableWei: 5n * OPEN, state: 'accepted' },
      { maxClaimableWei: 4n * OPEN, state: 'claimed' },
    ]);
  });

  it('claims at once when a payer leaves, and takes no further voucher', async () => {
    const config = channelOf(ORGANISATION);
    await fund(config, 10n * OPEN);
    await present(config, 4n * OPEN);
    await sendAndWait(fixture.payer, escrowOf(fixture).initiateWithdraw(config, 10n * OPEN));
    await catchUp();
    await expect(present(config, 5n * OPEN)).rejects.toMatchObject({ code: 'CHANNEL_WITHDRAWING' });
    await claim.run(NOW);
    await send();
    await catchUp();
    expect(await channel(config)).toMatchObject({ acceptedWei: 4n * OPEN, claimedWei: 4n * OPEN });
    await rpc('evm_increaseTime', [DELAY_S]);
    await sendAndWait(fixture.payer, escrowOf(fixture).finalizeWithdraw(config));
    await catchUp();
    expect(await channel(config)).toMatchObject({ acceptedWei: 4n * OPEN });
    expect(await available()).toBe(4n * OPEN);
  });

  it('makes what was withdrawn before it was claimed a debt, and counts it again when it is back', async () => {
    const config = channelOf(ORGANISATION);
    await fund(config, 10n * OPEN);
    await present(config, 4n * OPEN);
    await sendAndWait(fixture.payer, escrowOf(fixture).initiateWithdraw(config, 9n * OPEN));
    await rpc('evm_increaseTime', [DELAY_S]);
    await sendAndWait(fixture.payer, escrowOf(fixture).finalizeWithdraw(config));
    await catchUp();
    expect(await channel(config)).toMatchObject({ acceptedWei: OPEN });
    expect(await available()).toBe(OPEN);
    expect(await standing('chain:escrow')).toBe(OPEN);
    await fund(config, 10n * OPEN);
    expect(await available()).toBe(4n * OPEN);
    expect(await standing('chain:escrow')).toBe(4n * OPEN);
  });

  it('takes a voucher back with a deposit that a reorg removed', async () => {
    const config = channelOf(ORGANISATION);
    await fund(config, 10n * OPEN);
    await present(config, 4n * OPEN);
    await rpc('anvil_reorg', [1, []]);
    await catchUp();
    expect(await available()).toBe(0n);
    expect(await standing('chain:escrow')).toBe(0n);
    expect(await channel(config)).toMatchObject({ acceptedWei: 0n });
  });

  it('takes nothing from a key that is being revoked', async () => {
    const config = channelOf(ORGANISATION);
    await fund(config, 10n * OPEN);
    await sendAndWait(fixture.payer, escrowOf(fixture).revokeSigner(config));
    await catchUp();
    const one = await voucher(config, OPEN);
    await expect(accept.run(ORGANISATION, one, NOW)).rejects.toMatchObject({
      code: 'VOUCHER_SIGNER_REVOKED',
    });
    await rpc('evm_increaseTime', [DELAY_S + 1]);
    await rpc('evm_mine', []);
    // From then on the payer signs, who may be a contract that changes its mind.
    const own = await voucher(config, OPEN, developmentWallet(2));
    await expect(accept.run(ORGANISATION, own, NOW)).rejects.toMatchObject({
      code: 'VOUCHER_SIGNER_REVOKED',
    });
    expect(await available()).toBe(0n);
  });
});
