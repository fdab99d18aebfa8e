import { type TransactionRequest, type TransactionResponse, Wallet } from 'ethers';
import {
  addressesOf,
  checkDeployment,
  type DeploymentPlan,
  deploySuite,
  developmentWallet,
  everythingTo,
  GOVERNANCE_PARAMETERS,
  type LocalChain,
  localPlan,
  MONTH_S,
  OpenToken,
  type Pool,
  PrepaidVault,
  poolWei,
  productionPlan,
  SUPPLY_WEI,
  sendAndWait,
  startAnvil,
  TokenVesting,
  unlockedWei,
} from '../src/index.js';
import { productionSettings } from './production-settings.js';

const ETHER = 10n ** 18n;
const CREATIONS = 10;

class Crash extends Error {}

/** Its process ends when it is about to send for the n-th time. */
class CrashingWallet extends Wallet {
  sendsLeft = Number.POSITIVE_INFINITY;

  override sendTransaction(request: TransactionRequest): Promise<TransactionResponse> {
    if (this.sendsLeft === 0) return Promise.reject(new Crash());
    this.sendsLeft -= 1;
    return super.sendTransaction(request);
  }
}

describe('a deployment', () => {
  let chain: LocalChain;
  const owner = developmentWallet(1).address;

  beforeAll(async () => {
    chain = await startAnvil();
  });
  afterAll(() => chain.stop());

  async function newDeployer(): Promise<CrashingWallet> {
    const wallet = new CrashingWallet(Wallet.createRandom().privateKey, chain.provider);
    await chain.setBalance(wallet.address, 100n * ETHER);
    return wallet;
  }
  const planFor = (deployer: Wallet) =>
    localPlan(everythingTo(owner), { operator: owner, administrator: deployer.address });

  // Before the first, between two, before the last creation, and before the hand-over.
  it.each([0, 1, 5, CREATIONS - 1, CREATIONS])(
    'is finished after a crash behind %i transactions',
    async (sends) => {
      const deployer = await newDeployer();
      const plan = planFor(deployer);
      deployer.sendsLeft = sends;
      await expect(deploySuite(deployer, plan)).rejects.toThrow(Crash);
      deployer.sendsLeft = Number.POSITIVE_INFINITY;
      const deployment = await deploySuite(deployer, plan);
      expect(deployment).toMatchObject(addressesOf(deployer.address));
      expect(await checkDeployment(chain.provider, deployment, plan, deployer.address)).toBeGreaterThan(40);
      expect(await chain.provider.getTransactionCount(deployer.address)).toBe(CREATIONS + 1);
      expect(await deploySuite(deployer, plan)).toEqual(deployment);
      expect(await chain.provider.getTransactionCount(deployer.address)).toBe(CREATIONS + 1);
    },
  );

  it('waits for what an earlier run sent and nobody has mined yet', async () => {
    const deployer = await newDeployer();
    const plan = planFor(deployer);
    await chain.provider.send('evm_setAutomine', [false]);
    deployer.sendsLeft = 4;
    await expect(deploySuite(deployer, plan)).rejects.toThrow(Crash);
    expect(await chain.provider.getTransactionCount(deployer.address, 'pending')).toBe(4);
    deployer.sendsLeft = Number.POSITIVE_INFINITY;
    const finishing = deploySuite(deployer, plan);
    await chain.provider.send('evm_setIntervalMining', [1]);
    await expect(finishing).resolves.toMatchObject(addressesOf(deployer.address));
    await chain.provider.send('evm_setIntervalMining', [0]);
    await chain.provider.send('evm_setAutomine', [true]);
    expect(await chain.provider.getTransactionCount(deployer.address)).toBe(CREATIONS + 1);
  });

  it('refuses a key that was used for something else', async () => {
    const deployer = await newDeployer();
    await (await deployer.sendTransaction({ to: owner, value: 1n })).wait();
    await expect(deploySuite(deployer, planFor(deployer))).rejects.toMatchObject({
      code: 'DEPLOYER_KEY_USED',
    });
    expect(await chain.provider.getTransactionCount(deployer.address)).toBe(1);
  });

  it('sends nothing when a constructor refuses', async () => {
    const deployer = await newDeployer();
    const plan = { ...planFor(deployer), grants: [{ to: owner, amountWei: SUPPLY_WEI - 1n }] };
    await expect(deploySuite(deployer, plan)).rejects.toMatchObject({
      code: 'CHAIN_GRANTS_DO_NOT_SUM_TO_SUPPLY',
    });
    expect(await chain.provider.getTransactionCount(deployer.address)).toBe(0);
  });

  it('tells what is not as planned', async () => {
    const deployer = await newDeployer();
    const plan = planFor(deployer);
    const deployment = await deploySuite(deployer, plan);
    const other: DeploymentPlan = {
      ...plan,
      keys: { ...plan.keys, poster: deployer.address },
      rewards: { ...plan.rewards, activationDelayS: 7 },
    };
    const check = checkDeployment(chain.provider, deployment, other, deployer.address);
    await expect(check).rejects.toMatchObject({ code: 'DEPLOYMENT_DIFFERS', details: { differences: 2 } });
    await expect(check).rejects.toThrow(/distributor\.activationDelay\(\) is 0, planned is 7/);
  });

  describe('with real money', () => {
    const GENESIS_S = Date.parse(productionSettings.genesis) / 1_000;
    const pools = Object.keys(GOVERNANCE_PARAMETERS.allocation) as Pool[];

    it('leaves administration to the timelock, and grants to their schedules', async () => {
      const deployer = await newDeployer();
      const plan = productionPlan(productionSettings, deployer.address);
      const deployment = await deploySuite(deployer, plan);
      await expect(
        checkDeployment(chain.provider, deployment, plan, deployer.address),
      ).resolves.toBeGreaterThan(70);
      const token = new OpenToken(deployment.token, chain.provider);
      const [liquidity] = productionSettings.beneficiaries.liquidity;
      expect(await token.balanceOf(liquidity?.to ?? '')).toBe(poolWei('liquidity'));
      const held = await Promise.all(deployment.vestingWallets.map((wallet) => token.balanceOf(wallet)));
      // Community, ecosystem, investors, and two in the team.
      expect(held.slice(0, 3)).toEqual([poolWei('community'), poolWei('ecosystem'), poolWei('investors')]);
      expect(held.slice(3).reduce((sum, wei) => sum + wei)).toBe(poolWei('team'));
      const vault = new PrepaidVault(deployment.vault, chain.provider);
      await expect(sendAndWait(deployer, vault.setOperator(owner))).rejects.toMatchObject({
        code: 'CHAIN_ACCESS_MANAGED_UNAUTHORIZED',
      });
    });

    it('unlocks what the schedule says, month by month, to the wei', async () => {
      const own = await startAnvil();
      try {
        const deployer = developmentWallet(0).connect(own.provider);
        const plan = productionPlan(productionSettings, deployer.address);
        const { vestingWallets, token } = await deploySuite(deployer, plan);
        const wallets = (['community', 'ecosystem', 'investors'] as const).map((pool, i) => ({
          pool,
          wallet: new TokenVesting(vestingWallets[i] ?? '', token, own.provider),
        }));
        for (const { pool, wallet } of wallets) {
          for (let month = 0; month <= 49; month += 1) {
            const vested = await wallet.vestedAt(GENESIS_S + month * MONTH_S);
            expect([pool, month, vested]).toEqual([pool, month, unlockedWei(pool, month)]);
          }
        }
        const [, , investors] = wallets.map(({ wallet }) => wallet);
        await own.provider.send('evm_setNextBlockTimestamp', [GENESIS_S + 14 * MONTH_S]);
        await sendAndWait(deployer, investors?.release() ?? { to: '', data: '' });
        const open = new OpenToken(token, own.provider);
        expect(await open.balanceOf((await investors?.beneficiary()) ?? '')).toBe(
          unlockedWei('investors', 14),
        );
      } finally {
        await own.stop();
      }
    });

    it('sets the whole supply aside', () => {
      expect(pools.reduce((sum, pool) => sum + poolWei(pool), 0n)).toBe(SUPPLY_WEI);
      expect(pools.map((pool) => unlockedWei(pool, 48))).toEqual(pools.map(poolWei));
      // 182.9 million over 36 months: 5,080,555.55… OPEN in the thirteenth month.
      expect(unlockedWei('investors', 13)).toBe((182_900_000n * ETHER) / 36n);
      expect(unlockedWei('team', 12)).toBe(0n);
    });
  });
});
