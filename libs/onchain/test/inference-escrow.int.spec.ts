import { Contract, id, NonceManager, type TransactionReceipt, toBeHex, ZeroAddress } from 'ethers';
import * as fc from 'fast-check';
import {
  type ChannelConfig,
  type ClaimRow,
  type Deployment,
  deploy,
  developmentWallet,
  type EscrowEvent,
  InferenceEscrow,
  inferenceEscrowArtifact,
  type LocalChain,
  OpenToken,
  type PreparedCall,
  payerAccount,
  sendAndWait,
  startAnvil,
} from '../src/index.js';

const OPEN = 10n ** 18n;
const HOUR_S = 3_600;
const ORGANISATION = '0190f3a0-0000-7000-8000-000000000001';
const address = fc.bigInt({ min: 1n, max: 2n ** 160n - 1n }).map((value) => toBeHex(value, 20));
const word = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }).map((value) => toBeHex(value, 32));

describe('the escrow on Anvil', () => {
  let chain: LocalChain;
  let deployment: Deployment;
  let token: OpenToken;
  let escrow: InferenceEscrow;
  let config: ChannelConfig;
  let undeposited: number;
  const wallet = (index: number) => developmentWallet(index).connect(chain.provider);
  const events = (receipt: TransactionReceipt): (EscrowEvent | undefined)[] =>
    receipt.logs
      .filter((log) => log.address.toLowerCase() === deployment.escrow.toLowerCase())
      .map((log) => escrow.decodeEvent(log));
  const send = (index: number, call: PreparedCall) => sendAndWait(new NonceManager(wallet(index)), call);
  const row = async (channel: ChannelConfig, maxWei: bigint, totalWei: bigint): Promise<ClaimRow> => ({
    ...(await escrow.signing.signVoucher(wallet(3), channel, maxWei)),
    totalClaimedWei: totalWei,
  });

  beforeAll(async () => {
    chain = await startAnvil();
    const payer = wallet(2).address;
    deployment = await deploy(wallet(0), [{ to: payer, amountWei: 10n ** 27n }], {
      operator: wallet(1).address,
    });
    token = new OpenToken(deployment.token, chain.provider);
    escrow = new InferenceEscrow(deployment.escrow, chain.provider, chain.chainId);
    config = {
      payer,
      payerAuthorizer: wallet(3).address,
      receiver: deployment.vault,
      receiverAuthorizer: wallet(1).address,
      token: deployment.token,
      withdrawDelay: HOUR_S,
      salt: payerAccount(ORGANISATION),
    };
    await send(2, token.approve(deployment.escrow, 10n ** 27n));
    undeposited = await chain.provider.getBlockNumber();
    await send(2, escrow.deposit(config, 100n * OPEN));
  });
  afterAll(() => chain.stop());

  it('hashes channels, vouchers, refunds and claims as the contract does', async () => {
    const contract = new Contract(deployment.escrow, inferenceEscrowArtifact.abi, chain.provider);
    const onChain = async (name: string, values: unknown[]) =>
      String(await contract.getFunction(name)(...values));
    const configs = fc.record({
      payer: address,
      payerAuthorizer: fc.oneof(address, fc.constant(ZeroAddress)),
      receiver: address,
      receiverAuthorizer: address,
      token: address,
      withdrawDelay: fc.integer({ min: 900, max: 2_592_000 }),
      salt: word,
    });
    const amount = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n });
    const { signing } = escrow;
    await fc.assert(
      fc.asyncProperty(configs, amount, amount, word, async (some, max, total, nonce) => {
        const channelId = signing.channelId(some);
        expect(await onChain('getChannelId', [some])).toBe(channelId);
        expect(await onChain('getVoucherDigest', [channelId, max])).toBe(
          signing.voucherDigest(channelId, max),
        );
        expect(await onChain('getRefundDigest', [channelId, BigInt(nonce), total])).toBe(
          signing.refundDigest(channelId, BigInt(nonce), total),
        );
        const rows = [some, { ...some, salt: nonce }].map((each) => ({
          config: each,
          maxClaimableWei: max,
          totalClaimedWei: total,
          signature: '0x',
        }));
        const encoded = rows.map((each) => [[each.config, max], '0x', total]);
        expect(await onChain('getClaimBatchDigest', [encoded])).toBe(signing.claimDigest(rows));
      }),
      { numRuns: 50 },
    );
  });

  it('opens a channel whose creation names its organisation', async () => {
    const channel = { ...config, salt: payerAccount(ORGANISATION.replace(/1$/, '2')) };
    const channelId = escrow.signing.channelId(channel);
    const from = channel.payer;
    expect(events(await send(2, escrow.deposit(channel, 3n * OPEN)))).toEqual([
      { kind: 'created', channelId, config: channel },
      { kind: 'deposited', channelId, from, amountWei: 3n * OPEN, balanceWei: 3n * OPEN },
    ]);
  });

  it('claims for the vault, skips what cannot be claimed, and sweeps once', async () => {
    const empty = { ...config, salt: id('never deposited') };
    const rows = [await row(empty, 5n * OPEN, OPEN), await row(config, 5n * OPEN, 4n * OPEN)];
    expect(events(await send(1, escrow.claim(rows)))).toEqual([
      { kind: 'skipped', channelId: escrow.signing.channelId(empty), reason: 'above-balance' },
      {
        kind: 'claimed',
        channelId: escrow.signing.channelId(config),
        amountWei: 4n * OPEN,
        totalClaimedWei: 4n * OPEN,
      },
    ]);
    const next = [await row(config, 6n * OPEN, 6n * OPEN)];
    const approval = await escrow.signing.signClaim(wallet(1), next);
    await send(4, escrow.claimWithSignature(next, approval));
    const swept = await send(4, escrow.settle(deployment.vault, deployment.token));
    expect(events(swept)).toEqual([{ kind: 'settled', receiver: deployment.vault, amountWei: 6n * OPEN }]);
    expect(await token.balanceOf(deployment.vault)).toBe(6n * OPEN);
    expect(await escrow.receiver(deployment.vault, deployment.token)).toEqual({
      claimedWei: 6n * OPEN,
      settledWei: 6n * OPEN,
    });
  });

  it('refuses vouchers that could not be claimed, each with its code', async () => {
    const voucher = (maxWei: bigint, signer = wallet(3)) =>
      escrow.signing.signVoucher(signer, config, maxWei);
    await escrow.requireVoucher(await voucher(7n * OPEN));
    escrow.signing.requireSigned(await voucher(7n * OPEN));
    await expect(escrow.requireVoucher(await voucher(6n * OPEN))).rejects.toMatchObject({
      code: 'VOUCHER_REPLAYED',
    });
    await expect(escrow.requireVoucher(await voucher(101n * OPEN))).rejects.toMatchObject({
      code: 'VOUCHER_EXCEEDS_BALANCE',
    });
    const forged = await voucher(7n * OPEN, wallet(4));
    await expect(escrow.requireVoucher(forged)).rejects.toMatchObject({ code: 'INVALID_VOUCHER_SIGNATURE' });
    const elsewhere = new InferenceEscrow(deployment.escrow, chain.provider, 10);
    for (const wrong of [
      forged,
      { ...forged, signature: '0x1234' },
      await elsewhere.signing.signVoucher(wallet(3), config, 7n * OPEN),
    ]) {
      expect(() => escrow.signing.requireSigned(wrong)).toThrow(
        expect.objectContaining({ code: 'INVALID_VOUCHER_SIGNATURE' }),
      );
    }
    // As of a block before the deposit: it does not count until that is final.
    await expect(escrow.requireVoucher(await voucher(7n * OPEN), undeposited)).rejects.toMatchObject({
      code: 'VOUCHER_EXCEEDS_BALANCE',
    });
  });

  it.each([
    ['payer', { payer: ZeroAddress }],
    ['token', { token: 'OPEN' }],
    ['payerAuthorizer', { payerAuthorizer: '' }],
    ['salt', { salt: '0x12' }],
    ['withdrawDelay', { withdrawDelay: 899 }],
    ['withdrawDelay', { withdrawDelay: 2_592_001 }],
  ])('refuses a channel without a usable %s', (field, change) => {
    expect(() => escrow.signing.channelId({ ...config, ...change })).toThrow(
      expect.objectContaining({ code: 'INVALID_CHANNEL', details: { field } }),
    );
  });

  it('refuses amounts and claims that no call could carry', async () => {
    const channelId = escrow.signing.channelId(config);
    for (const wei of [-1n, 2n ** 128n]) {
      expect(() => escrow.signing.voucherDigest(channelId, wei)).toThrow(
        expect.objectContaining({ code: 'INVALID_VOUCHER_AMOUNT' }),
      );
    }
    const one = await row(config, OPEN, OPEN);
    for (const rows of [[], Array.from({ length: 101 }, () => one)]) {
      expect(() => escrow.claim(rows)).toThrow(expect.objectContaining({ code: 'INVALID_CLAIM_SIZE' }));
    }
  });

  it('refunds by signature, once', async () => {
    const channelId = escrow.signing.channelId(config);
    const { refundNonce } = await escrow.channel(channelId);
    const signature = await escrow.signing.signRefund(wallet(1), channelId, refundNonce, 10n * OPEN);
    const refund = escrow.refundWithSignature(config, 10n * OPEN, refundNonce, signature);
    expect(events(await send(4, refund))).toEqual([{ kind: 'refunded', channelId, amountWei: 10n * OPEN }]);
    await expect(send(4, refund)).rejects.toMatchObject({
      code: 'CHAIN_INVALID_REFUND_NONCE',
      details: { given: '0', expected: '1' },
    });
    expect(await escrow.channel(channelId)).toMatchObject({ balanceWei: 90n * OPEN, refundNonce: 1n });
  });

  it('takes a deposit that the payer authorized and somebody else sends', async () => {
    const channelId = escrow.signing.channelId(config);
    const salt = id('authorization');
    const { timestamp } = (await chain.provider.getBlock('latest')) ?? { timestamp: 0 };
    const validBeforeS = timestamp + HOUR_S;
    const nonce = await escrow.authorizationNonce(channelId, salt);
    const domain = {
      name: 'OpenLedger',
      version: '1',
      chainId: chain.chainId,
      verifyingContract: deployment.token,
    };
    const types = {
      ReceiveWithAuthorization: [
        { name: 'from', type: 'address' },
        { name: 'to', type: 'address' },
        { name: 'value', type: 'uint256' },
        { name: 'validAfter', type: 'uint256' },
        { name: 'validBefore', type: 'uint256' },
        { name: 'nonce', type: 'bytes32' },
      ],
    };
    const value = {
      from: config.payer,
      to: deployment.escrow,
      value: OPEN,
      validAfter: 0,
      validBefore: validBeforeS,
      nonce,
    };
    const signature = await wallet(2).signTypedData(domain, types, value);
    const authorization = { validAfterS: 0, validBeforeS, salt, signature };
    await send(4, escrow.depositWithAuthorization(config, OPEN, authorization));
    expect(await escrow.channel(channelId)).toMatchObject({ balanceWei: 91n * OPEN });
  });

  it('lets the payer leave after the delay, and its key only until it is revoked', async () => {
    const channelId = escrow.signing.channelId(config);
    await send(2, escrow.initiateWithdraw(config, 85n * OPEN));
    const started = await escrow.channel(channelId);
    expect(started.withdrawal).toMatchObject({ amountWei: 85n * OPEN });
    await expect(send(2, escrow.finalizeWithdraw(config))).rejects.toMatchObject({
      code: 'CHAIN_WITHDRAW_TOO_EARLY',
    });
    await send(2, escrow.revokeSigner(config));
    await chain.provider.send('evm_increaseTime', [HOUR_S + 1]);
    await chain.provider.send('evm_mine', []);
    await expect(
      escrow.requireVoucher(await escrow.signing.signVoucher(wallet(3), config, 7n * OPEN)),
    ).rejects.toMatchObject({ code: 'VOUCHER_SIGNER_REVOKED' });
    await escrow.requireVoucher(await escrow.signing.signVoucher(wallet(2), config, 7n * OPEN));
    expect(events(await send(2, escrow.finalizeWithdraw(config)))).toEqual([
      { kind: 'withdrawn', channelId, amountWei: 85n * OPEN },
    ]);
    expect(await escrow.channel(channelId)).toMatchObject({ balanceWei: 6n * OPEN, claimedWei: 6n * OPEN });
  });
});
