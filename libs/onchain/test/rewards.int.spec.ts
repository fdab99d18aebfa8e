import { concat, id, keccak256, NonceManager, type TransactionReceipt, ZeroAddress, ZeroHash } from 'ethers';
import {
  CumulativeTree,
  type Deployment,
  type DistributorEvent,
  deploy,
  developmentWallet,
  everythingTo,
  type LocalChain,
  OpenToken,
  RewardsDistributor,
  sendAndWait,
  startAnvil,
} from '../src/index.js';

const OPEN = 10n ** 18n;
const DAY_S = 86_400;
const POST_GAS_MAX = 130_000n;
const CLAIM_GAS_MAX = 135_000n;
/** Proofs of 20 nodes: the depth of a tree of a million leaves. */
const DEPTH = 20;

describe('roots that strangers may stop, on Anvil', () => {
  let chain: LocalChain;
  let deployment: Deployment;
  let token: OpenToken;
  let distributor: RewardsDistributor;
  let guardian: NonceManager;
  let operator: NonceManager;
  let watcher: NonceManager;
  const alice = '0x00000000000000000000000000000000000A11cE';
  const manifest = id('manifest');

  const signer = (index: number) => new NonceManager(developmentWallet(index).connect(chain.provider));
  const rootFor = (epoch: number, totalWei: bigint) => {
    const tree = CumulativeTree.of([{ account: alice, totalWei }]);
    return { epoch, root: tree.root, totalWei, manifest };
  };
  const eventsOf = (receipt: TransactionReceipt): DistributorEvent[] =>
    receipt.logs.flatMap((log) => distributor.decodeEvent(log) ?? []);
  const pass = async (seconds: number) => {
    await chain.provider.send('evm_increaseTime', [seconds]);
    await chain.provider.send('evm_mine', []);
  };
  const timeOf = async (receipt: TransactionReceipt) =>
    (await chain.provider.getBlock(receipt.blockNumber))?.timestamp ?? 0;
  const refusal = async (from: NonceManager, call: Parameters<typeof sendAndWait>[1]) => {
    from.reset();
    const outcome = sendAndWait(from, call).then(
      () => 'accepted',
      (error: { code?: string }) => error.code,
    );
    return outcome.finally(() => from.reset());
  };

  beforeAll(async () => {
    chain = await startAnvil();
    [guardian, operator, watcher] = [signer(0), signer(1), signer(2)];
    deployment = await deploy(
      developmentWallet(0).connect(chain.provider),
      everythingTo(developmentWallet(2).address),
      { operator: await operator.getAddress(), activationDelayS: DAY_S },
    );
    token = new OpenToken(deployment.token, chain.provider);
    distributor = new RewardsDistributor(deployment.distributor, chain.provider);
    await sendAndWait(watcher, token.transfer(deployment.distributor, 1_000n * OPEN));
    await sendAndWait(watcher, token.approve(deployment.distributor, 10_000n * OPEN));
  });
  afterAll(() => chain.stop());

  it('tells of a root, a challenge and its end, and gives the number back', async () => {
    const bad = rootFor(1, 90n * OPEN);
    const posted = await sendAndWait(operator, distributor.postRoot(bad));
    const activatedAtS = (await timeOf(posted)) + DAY_S;
    expect(eventsOf(posted)).toEqual([{ kind: 'posted', ...bad, activatedAtS }]);

    const evidence = id('another total');
    const before = await token.balanceOf(await watcher.getAddress());
    const opened = await sendAndWait(
      watcher,
      distributor.challengeRoot({ epoch: 1, root: bad.root, evidence }),
    );
    const bondWei = await distributor.challengeBond();
    const [event] = eventsOf(opened);
    expect(event).toMatchObject({
      kind: 'challenge-opened',
      id: 1,
      epoch: 1,
      root: bad.root,
      evidence,
      bondWei,
    });
    expect(await distributor.bonded()).toBe(bondWei);
    expect(await distributor.rootOf(1)).toMatchObject({ challenge: 1, activatedAtS });
    expect(await distributor.challengeOf(1)).toMatchObject({
      challenger: await watcher.getAddress(),
      bondWei,
    });

    expect(await refusal(watcher, distributor.resolveChallenge(1, true))).toBe(
      'CHAIN_ACCESS_MANAGED_UNAUTHORIZED',
    );
    const closed = await sendAndWait(guardian, distributor.resolveChallenge(1, true));
    expect(eventsOf(closed)).toEqual([
      { kind: 'disabled', firstEpoch: 1, lastEpoch: 1 },
      {
        kind: 'challenge-closed',
        id: 1,
        upheld: true,
        decided: true,
        recipient: await watcher.getAddress(),
        bondWei,
      },
    ]);
    expect(await token.balanceOf(await watcher.getAddress())).toBe(before);
    expect(await distributor.lastEpoch()).toBe(0);
    await sendAndWait(operator, distributor.postRoot(rootFor(1, 40n * OPEN)));
    await pass(DAY_S);
    expect(await distributor.isActive(1)).toBe(true);
  });

  it('lets a challenge that nobody decided win, and a guardian stop a root at once', async () => {
    const next = rootFor(2, 60n * OPEN);
    await sendAndWait(operator, distributor.postRoot(next));
    await sendAndWait(watcher, distributor.challengeRoot({ epoch: 2, root: next.root, evidence: ZeroHash }));
    await pass(DAY_S);
    expect(await distributor.isActive(2)).toBe(false);
    expect(await refusal(watcher, distributor.expireChallenge(2))).toBe('CHAIN_CHALLENGE_STILL_OPEN');
    await pass(3 * DAY_S);
    const expired = eventsOf(await sendAndWait(watcher, distributor.expireChallenge(2)));
    expect(expired.map(({ kind }) => kind)).toEqual(['disabled', 'challenge-closed']);

    await sendAndWait(operator, distributor.postRoot(next));
    const stopped = await sendAndWait(guardian, distributor.disableRoot(2));
    expect(eventsOf(stopped)).toEqual([{ kind: 'disabled', firstEpoch: 2, lastEpoch: 2 }]);
    expect(await refusal(guardian, distributor.disableRoot(1))).toBe('CHAIN_ALREADY_ACTIVE');
  });

  it('asks the second party that is named', async () => {
    await sendAndWait(guardian, distributor.setConfirmer(await watcher.getAddress()));
    const next = rootFor(2, 60n * OPEN);
    await sendAndWait(operator, distributor.postRoot(next));
    await pass(DAY_S);
    expect(await distributor.isActive(2)).toBe(false);
    const confirmed = await sendAndWait(watcher, distributor.confirmRoot(2, next.root));
    expect(eventsOf(confirmed)).toEqual([{ kind: 'confirmed', epoch: 2, root: next.root }]);
    expect(await distributor.isActive(2)).toBe(true);
  });

  it('posts and pays within the gas that an epoch and a claim may cost', async () => {
    await sendAndWait(guardian, distributor.setConfirmer(ZeroAddress));
    const account = await signer(5).getAddress();
    // The path of one leaf through a tree of a million.
    const leaf = CumulativeTree.of([{ account, totalWei: OPEN }]).root;
    const proof = Array.from({ length: DEPTH }, (_, level) => id(`sibling ${level}`));
    const root = proof.reduce((node, sibling) => keccak256(concat([node, sibling].sort())), leaf);
    const post = await sendAndWait(
      operator,
      distributor.postRoot({ epoch: 3, root, totalWei: 61n * OPEN, manifest }),
    );
    await pass(DAY_S);
    const claim = await sendAndWait(watcher, distributor.claim({ epoch: 3, account, totalWei: OPEN, proof }));
    expect(await token.balanceOf(account)).toBe(OPEN);
    expect(post.gasUsed).toBeLessThanOrEqual(POST_GAS_MAX);
    expect(claim.gasUsed).toBeLessThanOrEqual(CLAIM_GAS_MAX);
  });

  it('pays whom an account named', async () => {
    const account = await operator.getAddress();
    await sendAndWait(operator, distributor.setClaimer(alice));
    const earlier = { account: await signer(5).getAddress(), totalWei: OPEN };
    const tree = CumulativeTree.of([earlier, { account, totalWei: 200n * OPEN }]);
    const post = { epoch: 4, root: tree.root, totalWei: 201n * OPEN, manifest };
    await sendAndWait(operator, distributor.postRoot(post));
    await pass(DAY_S);
    const before = await token.balanceOf(alice);
    const receipt = await sendAndWait(
      watcher,
      distributor.claim({ epoch: 4, account, totalWei: 200n * OPEN, proof: tree.proofOf(account) ?? [] }),
    );
    const log = receipt.logs.find((entry) => entry.topics[0] === distributor.claimedTopic);
    expect(log && distributor.decodeClaimed(log)).toMatchObject({ account, recipient: alice });
    expect((await token.balanceOf(alice)) - before).toBe(200n * OPEN);
  });
});
