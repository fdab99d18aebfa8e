import { id, NonceManager, type Signer } from 'ethers';
import {
  addressesOf,
  type Deployment,
  deploySuite,
  developmentWallet,
  GOVERNANCE_PARAMETERS,
  type LocalChain,
  localPlan,
  OpenGovernor,
  OpenToken,
  ParamRegistry,
  type PreparedCall,
  type Proposal,
  type SplitParams,
  SUPPLY_WEI,
  sendAndWait,
  startAnvil,
} from '../src/index.js';

const DAY_S = 86_400;
const { governor: RULES, timelockDelayS } = GOVERNANCE_PARAMETERS;

describe('governance on Anvil', () => {
  let chain: LocalChain;
  let deployment: Deployment;
  let governor: OpenGovernor;
  let params: ParamRegistry;
  let token: OpenToken;
  const signers = new Map<string, NonceManager>();

  /** By the name of its office: each is an account of its own. */
  const account = (name: string): NonceManager => {
    const known = ['deployer', 'voter', 'opponent', 'guardian', 'operations', 'operator', 'stranger'];
    const signer =
      signers.get(name) ?? new NonceManager(developmentWallet(known.indexOf(name)).connect(chain.provider));
    signers.set(name, signer);
    return signer;
  };
  const addressOf = (name: string) => account(name).getAddress();
  const send = async (name: string, call: PreparedCall) => sendAndWait(account(name), call);
  const refuse = async (name: string, call: PreparedCall, code: string) => {
    const signer: Signer & { reset(): void } = account(name);
    await expect(sendAndWait(signer, call)).rejects.toMatchObject({ code });
    signer.reset();
  };
  const now = async () => (await chain.provider.getBlock('latest'))?.timestamp ?? 0;
  const pass = async (seconds: number) => {
    await chain.provider.send('evm_increaseTime', [seconds]);
    await chain.provider.send('evm_mine', []);
  };

  beforeAll(async () => {
    chain = await startAnvil();
    const deployer = developmentWallet(0).connect(chain.provider);
    const operator = await addressOf('operator');
    const local = localPlan(
      [
        { to: await addressOf('voter'), amountWei: (SUPPLY_WEI * 3n) / 5n },
        { to: await addressOf('opponent'), amountWei: (SUPPLY_WEI * 2n) / 5n },
      ],
      { operator, administrator: deployer.address },
    );
    // As with real money: the deployer keeps nothing.
    deployment = await deploySuite(deployer, {
      ...local,
      offices: { guardian: await addressOf('guardian'), operations: await addressOf('operations') },
    });
    expect(deployment).toMatchObject(addressesOf(deployer.address));
    governor = new OpenGovernor(deployment.governor, chain.provider);
    params = new ParamRegistry(deployment.paramRegistry, chain.provider);
    token = new OpenToken(deployment.token, chain.provider);
    await send('voter', token.delegate(await addressOf('voter')));
    await send('opponent', token.delegate(await addressOf('opponent')));
    await pass(1);
  });
  afterAll(() => chain.stop());

  /** In force long after whatever decides on it. */
  async function nextParams(change: Partial<SplitParams>): Promise<SplitParams> {
    return { ...(await params.current()), effectiveAtS: (await now()) + 20 * DAY_S, ...change };
  }

  /** From proposal to success. */
  async function vote(proposal: Proposal): Promise<bigint> {
    await send('voter', governor.propose(proposal));
    const proposalId = await governor.proposalIdOf(proposal);
    expect(await governor.state(proposalId)).toBe('pending');
    await pass(RULES.votingDelayS + 1);
    await send('voter', governor.castVote(proposalId, 'for'));
    await send('opponent', governor.castVote(proposalId, 'against'));
    expect(await governor.state(proposalId)).toBe('active');
    await pass(RULES.votingPeriodS);
    return proposalId;
  }

  it('changes a parameter by a vote, and only after the timelock', async () => {
    const next = await nextParams({ platformBps: 800, contributorsBps: 5_200 });
    const proposal = { calls: [params.schedule(next)], description: 'Platform 8 %, contributors 52 %' };
    const proposalId = await vote(proposal);
    expect(await governor.state(proposalId)).toBe('succeeded');
    expect(await governor.quorum(await governor.snapshot(proposalId))).toBe(SUPPLY_WEI / 4n);

    await send('stranger', governor.queue(proposal));
    await refuse('stranger', governor.execute(proposal), 'CHAIN_TIMELOCK_UNEXPECTED_OPERATION_STATE');
    await pass(timelockDelayS);
    const receipt = await send('stranger', governor.execute(proposal));
    expect(await governor.state(proposalId)).toBe('executed');
    const log = receipt.logs.find(({ topics }) => topics[0] === params.scheduledTopic);
    expect(log && params.decodeScheduled(log)).toEqual({ version: 2, params: next });

    expect((await params.current()).platformBps).toBe(1_000);
    await pass(20 * DAY_S);
    expect(await params.current()).toEqual(next);
    expect(await params.versionAt(next.effectiveAtS - 1)).toBe(1);
    expect(await params.versionAt(next.effectiveAtS)).toBe(2);
    expect((await params.paramsOf(1)).platformBps).toBe(1_000);
  });

  it.each(['deployer', 'guardian', 'operations', 'operator', 'voter', 'stranger'])(
    'lets no %s change a parameter',
    async (name) => {
      const call = params.schedule(await nextParams({}));
      await refuse(name, call, 'CHAIN_ACCESS_MANAGED_UNAUTHORIZED');
    },
  );

  it('lets nobody vote a bound away', async () => {
    const next = await nextParams({ platformBps: 1_600, contributorsBps: 4_400 });
    const proposal = { calls: [params.schedule(next)], description: 'Platform 16 %' };
    await vote(proposal);
    await send('stranger', governor.queue(proposal));
    await pass(timelockDelayS);
    await refuse('stranger', governor.execute(proposal), 'CHAIN_PLATFORM_TOO_HIGH');
  });

  it('lets the guardian cancel what is queued', async () => {
    const proposal = { calls: [params.schedule(await nextParams({}))], description: 'To be cancelled' };
    const proposalId = await vote(proposal);
    await send('stranger', governor.queue(proposal));
    await refuse('opponent', governor.cancel(proposal), 'CHAIN_GOVERNOR_UNABLE_TO_CANCEL');
    await send('guardian', governor.cancel(proposal));
    expect(await governor.state(proposalId)).toBe('canceled');
    await pass(timelockDelayS);
    await refuse('stranger', governor.execute(proposal), 'CHAIN_GOVERNOR_UNEXPECTED_PROPOSAL_STATE');
  });

  it('refuses a proposal below the threshold', async () => {
    const proposal = { calls: [params.schedule(await nextParams({}))], description: id('spam') };
    await refuse('stranger', governor.propose(proposal), 'CHAIN_GOVERNOR_INSUFFICIENT_PROPOSER_VOTES');
  });

  it('counts delegated votes only', async () => {
    expect(await token.totalDelegated()).toBe(SUPPLY_WEI);
    await send('opponent', token.transfer(deployment.vault, SUPPLY_WEI / 5n));
    expect(await token.totalDelegated()).toBe((SUPPLY_WEI * 4n) / 5n);
    expect(await token.votesOf(await addressOf('opponent'))).toBe(SUPPLY_WEI / 5n);
  });
});
