import {
  type ChainLog,
  organisationOf,
  type PrepaidVault,
  type RewardsDistributor,
} from '@openledger/onchain';
import type { Log, Provider } from 'ethers';
import { type ChainEvent, ChainReader, type SeenLog } from '../application/chain-ports.js';

/** Reads blocks and the logs of vault and distributor by JSON-RPC. */
export class EthereumReader extends ChainReader {
  constructor(
    private readonly provider: Provider,
    private readonly vault: PrepaidVault,
    private readonly distributor: RewardsDistributor,
  ) {
    super();
  }

  head(): Promise<number> {
    return this.provider.getBlockNumber();
  }

  async blockHash(number: number): Promise<string | undefined> {
    if (number < 0) return undefined;
    return (await this.provider.getBlock(number))?.hash ?? undefined;
  }

  async logs(from: number, to: number): Promise<SeenLog[]> {
    const logs = await this.provider.getLogs({
      address: [this.vault.address, this.distributor.address],
      topics: [[this.vault.depositedTopic, this.distributor.claimedTopic]],
      fromBlock: from,
      toBlock: to,
    });
    return logs.map((log) => this.read(log));
  }

  private read(log: Log & ChainLog): SeenLog {
    return {
      transactionHash: log.transactionHash,
      logIndex: log.index,
      blockNumber: log.blockNumber,
      blockHash: log.blockHash,
      event: log.topics[0] === this.vault.depositedTopic ? this.deposited(log) : this.claimed(log),
    };
  }

  private deposited(log: ChainLog): ChainEvent {
    const { account, from, amountWei } = this.vault.decodeDeposited(log);
    const organisationId = organisationOf(account);
    return {
      kind: 'deposited',
      ...(organisationId === undefined ? {} : { organisationId }),
      from,
      amountWei,
    };
  }

  private claimed(log: ChainLog): ChainEvent {
    const { epoch, account, amountWei } = this.distributor.decodeClaimed(log);
    return { kind: 'claimed', epoch, wallet: account, amountWei };
  }
}
