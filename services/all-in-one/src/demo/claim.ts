import { OpenToken, RewardsDistributor, sendAndWait } from '@openledger/onchain';
import type { PlatformChain } from '../platform/chain.js';
import type { Actor } from './actors.js';
import { Chain, Claim } from './pages.js';

export interface Claimed {
  readonly name: string;
  readonly transactionHash: string;
  readonly leafWei: bigint;
  readonly beforeWei: bigint;
  readonly afterWei: bigint;
}

/** The contributor sends the claim from his own wallet, as anybody with the proof could. */
export async function claim(actor: Actor, chain: PlatformChain): Promise<Claimed> {
  const { provider } = chain.chain;
  await chain.chain.setBalance(actor.wallet.address, 10n ** 18n);
  const { token: tokenAddress } = await actor.client.get('/settlement/chain', Chain);
  const {
    distributor: address,
    wallet: account,
    ...leaf
  } = await actor.client.get(`/settlement/claims/${actor.wallet.address}`, Claim);
  const token = new OpenToken(tokenAddress, provider);
  const distributor = new RewardsDistributor(address, provider);
  const beforeWei = await token.balanceOf(actor.wallet.address);
  const totalWei = BigInt(leaf.totalWei);
  const call = distributor.claim({ ...leaf, account, totalWei });
  const mined = await sendAndWait(actor.wallet.connect(provider), call);
  const afterWei = await token.balanceOf(actor.wallet.address);
  return { name: actor.name, transactionHash: mined.hash, leafWei: totalWei, beforeWei, afterWei };
}
