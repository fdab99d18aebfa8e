import { DomainError } from '@openledger/kernel';
import type { Log, Provider } from 'ethers';
import { ChainReader, type FinalityTag, type SeenLog } from '../../application/chain/chain-ports.js';
import type { EventSource } from './event-sources.js';

/** Reads blocks and the logs of our contracts by JSON-RPC. */
export class EthereumReader extends ChainReader {
  private readonly sources: ReadonlyMap<string, EventSource>;

  constructor(
    private readonly provider: Provider,
    sources: readonly EventSource[],
  ) {
    super();
    this.sources = new Map(sources.map((source) => [keyOf(source.address, source.topic), source]));
  }

  head(): Promise<number> {
    return this.provider.getBlockNumber();
  }

  async blockHash(number: number): Promise<string | undefined> {
    if (number < 0) return undefined;
    return (await this.provider.getBlock(number))?.hash ?? undefined;
  }

  async logs(from: number, to: number): Promise<SeenLog[]> {
    const sources = [...this.sources.values()];
    const logs = await this.provider.getLogs({
      address: [...new Set(sources.map(({ address }) => address))],
      topics: [[...new Set(sources.map(({ topic }) => topic))]],
      fromBlock: from,
      toBlock: to,
    });
    return logs.flatMap((log) => this.read(log, from, to)).sort(inOrder);
  }

  async tagged(tag: FinalityTag): Promise<number | undefined> {
    try {
      return (await this.provider.getBlock(tag))?.number;
    } catch {
      // Older nodes answer an unknown name with an error; that they answer at all is seen elsewhere.
      return undefined;
    }
  }

  /** Topics are shared between contracts: one that names an event of another is none of ours. */
  private read(log: Log, from: number, to: number): SeenLog[] {
    const source = this.sources.get(keyOf(log.address, log.topics[0] ?? ''));
    if (!source) return [];
    if (log.removed || log.blockNumber < from || log.blockNumber > to) {
      throw new DomainError(
        'unavailable',
        'RPC_LOGS_FOREIGN',
        'the endpoint told a log that was not asked for',
        {
          details: { blockNumber: log.blockNumber, from, to },
        },
      );
    }
    const event = source.decode(log);
    if (!event) return [];
    return [
      {
        transactionHash: log.transactionHash,
        logIndex: log.index,
        blockNumber: log.blockNumber,
        blockHash: log.blockHash,
        event,
      },
    ];
  }
}

const keyOf = (address: string, topic: string): string => `${address}:${topic}`.toLowerCase();

const inOrder = (a: SeenLog, b: SeenLog): number => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex;
