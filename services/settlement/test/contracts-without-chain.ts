import { connect, LOCAL_CHAIN_ID, PrepaidVault, RewardsDistributor } from '@openledger/onchain';

/** Contracts for specs that build trees and calls and never send any. */
export function contractsWithoutChain(): [PrepaidVault, RewardsDistributor] {
  const provider = connect('http://127.0.0.1:1', LOCAL_CHAIN_ID);
  const address = '0x000000000000000000000000000000000000dEaD';
  return [new PrepaidVault(address, provider), new RewardsDistributor(address, provider)];
}
