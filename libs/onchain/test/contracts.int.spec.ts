import { type HDNodeWallet, id, NonceManager, type Wallet } from 'ethers';
import {
  CumulativeTree,
  type Deployment,
  deploy,
  developmentWallet,
  type LocalChain,
  OpenToken,
  organisationOf,
  PrepaidVault,
  payerAccount,
  RewardsDistributor,
  sendAndWait,
  startAnvil,
} from '../src/index.js';

const SUPPLY_WEI = 10n ** 27n;
const OPEN = 10n ** 18n;
const ORGANISATION = '0190f3a0-0000-7000-8000-000000000001';

describe('the contract suite on Anvil', () => {
  let chain: LocalChain;
  let deployment: Deployment;
  let token: OpenToken;
  let vault: PrepaidVault;
  let distributor: RewardsDistributor;
  let operator: NonceManager;
  let payer: NonceManager;
  const alice = '0x00000000000000000000000000000000000A11cE';
  const bob = '0x0000000000000000000000000000000000000B0b';
  const wallet = (index: number): Wallet | HDNodeWallet => developmentWallet(index).connect(chain.provider);

  beforeAll(async () => {
    chain = await startAnvil();
    operator = new NonceManager(wallet(1));
    payer = new NonceManager(wallet(2));
    deployment = await deploy(
      wallet(0),
      [
        { to: await payer.getAddress(), amountWei: 1_000n * OPEN },
        { to: await operator.getAddress(), amountWei: SUPPLY_WEI - 1_000n * OPEN },
      ],
      { operator: await operator.getAddress() },
    );
    token = new OpenToken(deployment.token, chain.provider);
    vault = new PrepaidVault(deployment.vault, chain.provider);
    distributor = new RewardsDistributor(deployment.distributor, chain.provider);
  });
  afterAll(() => chain.stop());

  it('mints the fixed supply to the grants and is not deployed twice', async () => {
    expect(await token.totalSupply()).toBe(SUPPLY_WEI);
    expect(await token.balanceOf(await payer.getAddress())).toBe(1_000n * OPEN);
    const block = await chain.provider.getBlockNumber();
    expect(await deploy(wallet(0), [], { operator: await operator.getAddress() })).toEqual(deployment);
    expect(await chain.provider.getBlockNumber()).toBe(block);
  });

  it('refuses grants that do not sum to the supply', async () => {
    const stingy = deploy(wallet(5), [{ to: alice, amountWei: SUPPLY_WEI - 1n }], { operator: alice });
    await expect(stingy).rejects.toMatchObject({ code: 'CHAIN_GRANTS_DO_NOT_SUM_TO_SUPPLY' });
  });

  it('takes a deposit and reports it in an event', async () => {
    await sendAndWait(payer, token.approve(deployment.vault, 100n * OPEN));
    const receipt = await sendAndWait(payer, vault.deposit(payerAccount(ORGANISATION), 100n * OPEN));
    const log = receipt.logs.find((entry) => entry.topics[0] === vault.depositedTopic);
    expect(log && vault.decodeDeposited(log)).toEqual({
      account: payerAccount(ORGANISATION),
      from: await payer.getAddress(),
      amountWei: 100n * OPEN,
    });
    expect(organisationOf(payerAccount(ORGANISATION))).toBe(ORGANISATION);
    expect(organisationOf(`0x${'1'.repeat(64)}`)).toBeUndefined();
    expect(await token.balanceOf(deployment.vault)).toBe(100n * OPEN);
    payer.reset();
    await expect(sendAndWait(payer, vault.deposit(payerAccount(ORGANISATION), 0n))).rejects.toMatchObject({
      code: 'CHAIN_ZERO_AMOUNT',
    });
  });

  it('funds approved distributors only, by the operator only, never beyond what is held', async () => {
    await sendAndWait(operator, vault.fund(deployment.distributor, 30n * OPEN));
    expect(await token.balanceOf(deployment.distributor)).toBe(30n * OPEN);
    const refusals: [NonceManager, string, bigint, string][] = [
      [operator, deployment.distributor, 71n * OPEN, 'CHAIN_EXCEEDS_BALANCE'],
      [operator, alice, OPEN, 'CHAIN_UNKNOWN_DISTRIBUTOR'],
      [payer, deployment.distributor, OPEN, 'CHAIN_NOT_OPERATOR'],
    ];
    for (const [signer, to, amountWei, code] of refusals) {
      signer.reset();
      await expect(sendAndWait(signer, vault.fund(to, amountWei))).rejects.toMatchObject({ code });
      signer.reset();
    }
    expect(await vault.totalFunded()).toBe(30n * OPEN);
  });

  it('refuses a root that promises more than is held, out of order, or by a stranger', async () => {
    const post = (epoch: number, totalWei: bigint) =>
      distributor.postRoot({ epoch, root: id('root'), totalWei, manifest: id('manifest') });
    const refusals: [NonceManager, ReturnType<typeof post>, string][] = [
      [operator, post(1, 30n * OPEN + 1n), 'CHAIN_UNDERFUNDED'],
      [operator, post(2, OPEN), 'CHAIN_EPOCH_OUT_OF_ORDER'],
      [payer, post(1, OPEN), 'CHAIN_NOT_POSTER'],
    ];
    for (const [signer, call, code] of refusals) {
      signer.reset();
      await expect(sendAndWait(signer, call)).rejects.toMatchObject({ code });
      signer.reset();
    }
    expect(await distributor.lastEpoch()).toBe(0);
  });

  it('pays exactly the leaf, once, and later only the difference', async () => {
    const first = CumulativeTree.of([
      { account: alice, totalWei: 7n * OPEN + 1n },
      { account: bob, totalWei: 3n * OPEN },
    ]);
    const post = { epoch: 1, root: first.root, totalWei: first.totalWei, manifest: id('epoch 1') };
    await sendAndWait(operator, distributor.postRoot(post));
    expect(await distributor.rootOf(1)).toMatchObject({ root: first.root, totalWei: 10n * OPEN + 1n });

    const claim = { epoch: 1, account: alice, totalWei: 7n * OPEN + 1n, proof: first.proofOf(alice) ?? [] };
    const before = await token.balanceOf(alice);
    const receipt = await sendAndWait(payer, distributor.claim(claim));
    expect((await token.balanceOf(alice)) - before).toBe(7n * OPEN + 1n);
    const log = receipt.logs.find((entry) => entry.topics[0] === distributor.claimedTopic);
    expect(log && distributor.decodeClaimed(log)).toEqual({
      epoch: 1,
      account: alice,
      amountWei: 7n * OPEN + 1n,
      recipient: alice,
      cumulativeWei: 7n * OPEN + 1n,
    });

    payer.reset();
    await expect(sendAndWait(payer, distributor.claim(claim))).rejects.toMatchObject({
      code: 'CHAIN_NOTHING_TO_CLAIM',
    });
    for (const wrong of [
      { ...claim, account: bob },
      { ...claim, totalWei: claim.totalWei + 1n },
    ]) {
      payer.reset();
      await expect(sendAndWait(payer, distributor.claim(wrong))).rejects.toMatchObject({
        code: 'CHAIN_INVALID_PROOF',
      });
    }

    const second = CumulativeTree.of([
      { account: alice, totalWei: 9n * OPEN },
      { account: bob, totalWei: 3n * OPEN },
    ]);
    await sendAndWait(
      operator,
      distributor.postRoot({ ...post, epoch: 2, root: second.root, totalWei: second.totalWei }),
    );
    payer.reset();
    const next = { epoch: 2, account: alice, totalWei: 9n * OPEN, proof: second.proofOf(alice) ?? [] };
    await sendAndWait(payer, distributor.claim(next));
    expect(await token.balanceOf(alice)).toBe(9n * OPEN);
    // An old root stays claimable for whoever was not paid yet.
    await sendAndWait(
      payer,
      distributor.claim({ epoch: 1, account: bob, totalWei: 3n * OPEN, proof: first.proofOf(bob) ?? [] }),
    );
    expect(await token.balanceOf(bob)).toBe(3n * OPEN);
    expect(await distributor.totalClaimed()).toBe(12n * OPEN);
  });

  it('pays nothing while paused', async () => {
    const owner = new NonceManager(wallet(0));
    await sendAndWait(owner, distributor.pause());
    payer.reset();
    const claim = distributor.claim({ epoch: 1, account: bob, totalWei: 3n * OPEN, proof: [] });
    await expect(sendAndWait(payer, claim)).rejects.toMatchObject({ code: 'CHAIN_CONTRACT_PAUSED' });
    await sendAndWait(owner, distributor.unpause());
  });
});
