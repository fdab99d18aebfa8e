import { JsonRpcProvider, Network } from 'ethers';

/**
 * A provider that neither caches nor batches: a cached block number would let a watcher miss a reorg, and a
 * batch would let one slow call hold up the rest.
 */
export function connect(rpcUrl: string, chainId: number, pollingIntervalMs = 100): JsonRpcProvider {
  const network = Network.from(chainId);
  const provider = new JsonRpcProvider(rpcUrl, network, {
    staticNetwork: network,
    cacheTimeout: -1,
    batchMaxCount: 1,
  });
  provider.pollingInterval = pollingIntervalMs;
  return provider;
}
