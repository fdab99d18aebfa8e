import { FetchRequest, JsonRpcProvider, Network } from 'ethers';

/** Of one call; ethers would wait for five minutes. */
const CALL_TIMEOUT_MS = 30_000;

/**
 * A provider that neither caches nor batches: a cached block number would let a watcher miss a reorg, and a
 * batch would let one slow call hold up the rest.
 */
export function connect(rpcUrl: string, chainId: number, pollingIntervalMs = 100): JsonRpcProvider {
  const network = Network.from(chainId);
  const endpoint = new FetchRequest(rpcUrl);
  endpoint.timeout = CALL_TIMEOUT_MS;
  const provider = new JsonRpcProvider(endpoint, network, {
    staticNetwork: network,
    cacheTimeout: -1,
    batchMaxCount: 1,
  });
  provider.pollingInterval = pollingIntervalMs;
  return provider;
}
