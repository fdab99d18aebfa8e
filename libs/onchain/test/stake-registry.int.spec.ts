import { id, NonceManager, type TransactionReceipt } from 'ethers';
import {
  deploy,
  developmentWallet,
  everythingTo,
  GOVERNANCE_PARAMETERS,
  type LocalChain,
  OpenToken,
  type StakeEvent,
  StakeRegistry,
  sendAndWait,
  startAnvil,
} from '../src/index.js';

const OPEN = 10n ** 18n;

describe('stakes on Anvil', () => {
  let chain: LocalChain;
  let token: OpenToken;
  let registry: StakeRegistry;
  let guardian: NonceManager;
  let slasher: NonceManager;
  let node: NonceManager;
  let account: string;
  let treasury: string;

  const signer = (index: number) => new NonceManager(developmentWallet(index).connect(chain.provider));
  const eventsOf = (receipt: TransactionReceipt): StakeEvent[] =>
    receipt.logs.flatMap((log) => registry.decodeEvent(log) ?? []);
  const pass = async (seconds: number) => {
    await chain.provider.send('evm_increaseTime', [seconds]);
    await chain.provider.send('evm_mine', []);
  };

  beforeAll(async () => {
    chain = await startAnvil();
    [guardian, slasher, node] = [signer(0), signer(1), signer(2)];
    account = await node.getAddress();
    const deployment = await deploy(developmentWallet(0).connect(chain.provider), everythingTo(account), {
      operator: await slasher.getAddress(),
    });
    token = new OpenToken(deployment.token, chain.provider);
    registry = new StakeRegistry(deployment.stakeRegistry, chain.provider);
    treasury = deployment.timelock;
    await sendAndWait(node, token.approve(deployment.stakeRegistry, 10_000n * OPEN));
  });
  afterAll(() => chain.stop());

  it('takes stakes, shares rewards and pays them', async () => {
    const staked = await sendAndWait(node, registry.stake('node-operators', 100n * OPEN));
    const told = { pool: 'node-operators', account };
    expect(eventsOf(staked)).toEqual([{ kind: 'staked', ...told, amountWei: 100n * OPEN }]);
    const given = await sendAndWait(node, registry.notifyReward('node-operators', 7n));
    expect(eventsOf(given)).toEqual([{ kind: 'reward-notified', ...told, amountWei: 7n }]);
    expect(await registry.positionOf('node-operators', account)).toEqual({
      stakedWei: 100n * OPEN,
      unbondingWei: 0n,
      owedWei: 7n,
      lockedWei: 0n,
    });
    const paid = await sendAndWait(node, registry.claimReward('node-operators'));
    expect(eventsOf(paid)).toEqual([{ kind: 'reward-paid', ...told, amountWei: 7n }]);
    expect(await registry.poolOf('node-operators')).toEqual({
      stakedWei: 100n * OPEN,
      unbondingWei: 0n,
      rewardedWei: 7n,
      paidWei: 7n,
    });
    expect(await registry.poolOf('validators')).toMatchObject({ stakedWei: 0n });
  });

  it('slashes what is on its way out, after the veto window, and lets the rest go', async () => {
    const unbonding = await sendAndWait(node, registry.unbond('node-operators', 100n * OPEN));
    const [asked] = eventsOf(unbonding);
    expect(asked).toMatchObject({ kind: 'unbonding', amountWei: 100n * OPEN });
    const [entry] = await registry.unbondingsOf('node-operators', account);
    expect(asked).toMatchObject({ availableAtS: entry?.availableAtS });

    const offence = id('answers that were never computed');
    const proposal = { pool: 'node-operators', account, amountWei: OPEN, offence } as const;
    const proposed = eventsOf(await sendAndWait(slasher, registry.proposeSlash(proposal)));
    expect(proposed).toMatchObject([{ kind: 'slash-proposed', id: 1, requestedWei: OPEN, ...proposal }]);
    await expect(sendAndWait(node, registry.executeSlash(1))).rejects.toMatchObject({
      code: 'CHAIN_VETO_WINDOW_OPEN',
    });
    node.reset();

    await pass(GOVERNANCE_PARAMETERS.stakes.unbondDelayS);
    const withdrawn = eventsOf(await sendAndWait(node, registry.withdraw('node-operators')));
    expect(withdrawn).toMatchObject([{ kind: 'withdrawn', amountWei: 99n * OPEN }]);
    const before = await token.balanceOf(treasury);
    const slashed = eventsOf(await sendAndWait(node, registry.executeSlash(1)));
    expect(slashed).toMatchObject([{ kind: 'slashed', fromStakeWei: 0n, fromUnbondingWei: OPEN }]);
    expect((await token.balanceOf(treasury)) - before).toBe(OPEN);
  });

  it('ends a proposal that the guardian vetoes', async () => {
    await sendAndWait(node, registry.stake('validators', 10n * OPEN));
    const offence = id('a mistake');
    const proposal = { pool: 'validators', account, amountWei: OPEN, offence } as const;
    await sendAndWait(slasher, registry.proposeSlash(proposal));
    const vetoed = eventsOf(await sendAndWait(guardian, registry.vetoSlash(2)));
    expect(vetoed).toEqual([{ kind: 'slash-vetoed', id: 2 }]);
    await expect(sendAndWait(slasher, registry.proposeSlash(proposal))).rejects.toMatchObject({
      code: 'CHAIN_OFFENCE_KNOWN',
    });
  });
});
