import { createHash, randomUUID } from 'node:crypto';
import {
  type ChannelConfig,
  type ClaimRow,
  CumulativeTree,
  type Deployment,
  deploySuite,
  developmentWallet,
  GOVERNANCE_PARAMETERS,
  InferenceEscrow,
  type LocalChain,
  localPlan,
  OpenToken,
  PrepaidVault,
  type PreparedCall,
  payerAccount,
  RewardsDistributor,
  startAnvil,
} from '@openledger/onchain';
import type { Bench, BenchContext } from '../bench.js';

const OPEN = 10n ** 18n;
const CHANNELS = 100;
const BATCHES = [1, 10, 25, 50, 100];
/** 2^20 leaves: a proof of 20 nodes. */
const LEAVES = 1 << 20;
const HOUR_S = 3_600;
/** First of the development keys that are payers, their signers, and a contributor who holds no OPEN. */
const PAYERS = 1_000;
const SIGNERS = 2_000;
const CONTRIBUTOR = 3_000;

/** A suite with the delays of production, on a chain of its own; every call reports what it cost. */
class GasMeter {
  readonly escrow: InferenceEscrow;
  readonly distributor: RewardsDistributor;
  readonly vault: PrepaidVault;
  readonly token: OpenToken;

  private constructor(
    private readonly chain: LocalChain,
    readonly deployment: Deployment,
  ) {
    const { provider, chainId } = chain;
    this.escrow = new InferenceEscrow(deployment.escrow, provider, chainId);
    this.distributor = new RewardsDistributor(deployment.distributor, provider);
    this.vault = new PrepaidVault(deployment.vault, provider);
    this.token = new OpenToken(deployment.token, provider);
  }

  static async on(chain: LocalChain): Promise<GasMeter> {
    const payer = developmentWallet(2).address;
    const operator = developmentWallet(1).address;
    const administrator = developmentWallet(0).address;
    const plan = localPlan([{ to: payer, amountWei: 10n ** 27n }], { operator, administrator });
    const deployer = developmentWallet(0).connect(chain.provider);
    const { rewards } = GOVERNANCE_PARAMETERS;
    return new GasMeter(chain, await deploySuite(deployer, { ...plan, rewards }));
  }

  wallet(index: number): ReturnType<typeof developmentWallet> {
    return developmentWallet(index).connect(this.chain.provider);
  }

  /** Gas of a call by the `index`-th development key, intrinsic and calldata gas included. */
  async spent(index: number, call: PreparedCall): Promise<number> {
    const response = await this.wallet(index).sendTransaction(call);
    const receipt = await response.wait();
    if (!receipt) throw new Error(`${response.hash} was not mined`);
    return Number(receipt.gasUsed);
  }

  async wait(seconds: number): Promise<void> {
    await this.chain.provider.send('evm_increaseTime', [seconds]);
    await this.chain.provider.send('evm_mine', []);
  }
}

/** What the calls that the platform repeats cost on chain. Gas is exact: nothing is repeated for a median. */
export const chainGas: Bench = {
  name: 'chain.gas',
  summary: 'gas of claiming vouchers for many channels, posting a root and claiming against a million leaves',
  run: async (context) => {
    const chain = await startAnvil();
    try {
      context.peer('anvil', '1.7.1');
      const meter = await GasMeter.on(chain);
      const payments = await payIn(meter, context);
      const channels = await claimChannels(meter, context);
      const rewards = await payRewards(meter, context);
      return { ...channels, ...rewards, ...payments };
    } finally {
      await chain.stop();
    }
  },
};

/** Deposits by allowance, without and with an account here. */
async function payIn(meter: GasMeter, { log }: BenchContext): Promise<Record<string, number>> {
  log('deposits');
  const { token, vault, deployment } = meter;
  await meter.spent(2, token.approve(deployment.vault, 10n ** 26n));
  await meter.spent(2, token.approve(deployment.escrow, 10n ** 26n));
  const account = payerAccount(randomUUID());
  const vaultDepositFirst = await meter.spent(2, vault.deposit(account, 1_000n * OPEN));
  return {
    vault_deposit_first: vaultDepositFirst,
    vault_deposit: await meter.spent(2, vault.deposit(account, 1_000n * OPEN)),
    vault_fund_first: await meter.spent(1, vault.fund(deployment.distributor, 500n * OPEN)),
    vault_fund: await meter.spent(1, vault.fund(deployment.distributor, 500n * OPEN)),
  };
}

interface Channel {
  readonly config: ChannelConfig;
  readonly signer: ReturnType<typeof developmentWallet>;
}

/** Every channel has its own payer and key; the receiver is the vault, the claimant its operator. */
async function claimChannels(meter: GasMeter, { log }: BenchContext): Promise<Record<string, number>> {
  const { escrow, deployment } = meter;
  log(`deposits into ${CHANNELS} channels`);
  const channels = Array.from({ length: CHANNELS }, (_, i) => channelOf(meter, i));
  const openings: number[] = [];
  for (const { config } of channels) {
    openings.push(await meter.spent(2, escrow.deposit(config, 1_000n * OPEN)));
  }
  const config = channels[0]?.config;
  if (!config) throw new Error('there are channels');

  let charged = 0n;
  /** The next rows of the first channels: everything charged so far, below a voucher for half an OPEN more. */
  const rowsOf = (count: number): Promise<ClaimRow[]> => {
    charged += 1_234_567_890_123_456_789n;
    return Promise.all(
      channels.slice(0, count).map(async (channel) => {
        const voucher = await escrow.signing.signVoucher(channel.signer, channel.config, charged + OPEN / 2n);
        return { ...voucher, totalClaimedWei: charged };
      }),
    );
  };
  const perChannel = async (count: number) =>
    Math.ceil((await meter.spent(1, escrow.claim(await rowsOf(count)))) / count);
  const settle = () => meter.spent(4, escrow.settle(deployment.vault, deployment.token));

  const first = await perChannel(25);
  const firstSettled = await settle();
  const claims: Record<string, number> = {};
  for (const count of BATCHES) {
    const gas = await perChannel(count);
    claims[`escrow_claim_${count}`] = gas;
    log(`claim of ${count}: ${gas} gas a channel`);
  }
  const rows = await rowsOf(25);
  const approval = await escrow.signing.signClaim(meter.wallet(1), rows);
  const relayed = await meter.spent(4, escrow.claimWithSignature(rows, approval));
  const poisoned = (await rowsOf(25)).map((row, i) => (i === 7 ? { ...row, signature: '0x' } : row));
  const skipped = await meter.spent(1, escrow.claim(poisoned));
  return {
    ...claims,
    escrow_claim_25_first: first,
    escrow_claim_25_by_relayer: Math.ceil(relayed / rows.length),
    escrow_claim_25_one_skipped: Math.ceil(skipped / poisoned.length),
    escrow_settle_first: firstSettled,
    escrow_settle: await settle(),
    escrow_deposit_first: Math.max(...openings),
    escrow_deposit: await meter.spent(2, escrow.deposit(config, OPEN)),
    escrow_refund: await meter.spent(1, escrow.refund(config, OPEN)),
  };
}

function channelOf(meter: GasMeter, index: number): Channel {
  const signer = developmentWallet(SIGNERS + index);
  const config = {
    payer: developmentWallet(PAYERS + index).address,
    payerAuthorizer: signer.address,
    receiver: meter.deployment.vault,
    receiverAuthorizer: meter.wallet(1).address,
    token: meter.deployment.token,
    withdrawDelay: HOUR_S,
    salt: payerAccount(randomUUID()),
  };
  return { config, signer };
}

/** Two roots over the same million leaves, each claimed once, by a relayer, for an account without OPEN. */
async function payRewards(meter: GasMeter, { log }: BenchContext): Promise<Record<string, number>> {
  const { distributor } = meter;
  const account = developmentWallet(CONTRIBUTOR).address;
  const round = async (epoch: number) => {
    log(`root ${epoch} over ${LEAVES} leaves`);
    const totalWei = BigInt(epoch) * OPEN;
    const tree = treeOf(account, totalWei);
    const proof = tree.proofOf(account) ?? [];
    const root = { epoch, root: tree.root, totalWei: tree.totalWei, manifest: sha256(`epoch ${epoch}`) };
    const post = await meter.spent(1, distributor.postRoot(root));
    await meter.wait(GOVERNANCE_PARAMETERS.rewards.activationDelayS + 1);
    const claim = await meter.spent(4, distributor.claim({ epoch, account, totalWei, proof }));
    return { post, claim, nodes: proof.length };
  };
  const first = await round(1);
  const next = await round(2);
  return {
    root_post: next.post,
    root_post_first: first.post,
    claim: first.claim,
    claim_next: next.claim,
    claim_proof_nodes: first.nodes,
  };
}

/** A tree of 2^20 leaves; the others earned a millionth of what the account did. */
function treeOf(account: string, totalWei: bigint): CumulativeTree {
  const others = Array.from({ length: LEAVES - 1 }, (_, i) => ({
    account: `0x${(BigInt(i + 1) << 64n).toString(16).padStart(40, '0')}`,
    totalWei: totalWei / 1_000_000n,
  }));
  return CumulativeTree.of([...others, { account, totalWei }]);
}

const sha256 = (text: string): string => `0x${createHash('sha256').update(text).digest('hex')}`;
