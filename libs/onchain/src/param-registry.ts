import type { Provider, Result } from 'ethers';
import { type ChainLog, DeployedContract, type PreparedCall } from './contract.js';
import { paramRegistryArtifact } from './generated/param-registry.js';

/** One version of the parameters that money is split by. Parts of a fee are basis points. */
export interface SplitParams {
  readonly platformBps: number;
  readonly developerBps: number;
  readonly stakersBps: number;
  readonly contributorsBps: number;
  /** To whoever ran the model, out of the platform's and the developer's parts. */
  readonly operatorBps: number;
  /** Of the developer's part and of the contributors' pool, to those behind the model's ancestors. */
  readonly royaltyBps: number;
  /** Seconds between two roots. */
  readonly epochLengthS: number;
  readonly minPayoutWei: bigint;
  /** In force from this time on, in seconds. */
  readonly effectiveAtS: number;
}

/** A version was added. It replaces one that starts at the same time. */
export interface ParamsScheduled {
  readonly version: number;
  readonly params: SplitParams;
}

/** Where governance keeps every version of the parameters. */
export class ParamRegistry extends DeployedContract {
  readonly scheduledTopic = this.topicOf('ParamsScheduled');

  constructor(address: string, provider: Provider) {
    super(address, provider, paramRegistryArtifact.abi);
  }

  /** Number of the newest version; the first is 1. */
  async latestVersion(): Promise<number> {
    return Number((await this.read('latestVersion'))[0]);
  }

  /** @throws DomainError `CHAIN_UNKNOWN_VERSION` */
  async paramsOf(version: number): Promise<SplitParams> {
    return paramsFrom((await this.read('paramsOf', [version]))[0]);
  }

  /** The version that an answer served at this time is split by. @throws DomainError `CHAIN_NOTHING_IN_FORCE` */
  async versionAt(timeS: number): Promise<number> {
    return Number((await this.read('versionAt', [timeS]))[0]);
  }

  async current(): Promise<SplitParams> {
    return paramsFrom((await this.read('current'))[0]);
  }

  /** For the timelock alone. */
  schedule(params: SplitParams): PreparedCall {
    return this.prepare('schedule', [paramsTuple(params)]);
  }

  decodeScheduled(log: ChainLog): ParamsScheduled {
    const values = this.decode('ParamsScheduled', log);
    return { version: Number(values[0]), params: paramsFrom(values[1]) };
  }
}

/** In the order of the contract's struct. */
export const paramsTuple = (params: SplitParams): readonly (number | bigint)[] => [
  params.platformBps,
  params.developerBps,
  params.stakersBps,
  params.contributorsBps,
  params.operatorBps,
  params.royaltyBps,
  params.epochLengthS,
  params.minPayoutWei,
  params.effectiveAtS,
];

const paramsFrom = (values: Result): SplitParams => ({
  platformBps: Number(values[0]),
  developerBps: Number(values[1]),
  stakersBps: Number(values[2]),
  contributorsBps: Number(values[3]),
  operatorBps: Number(values[4]),
  royaltyBps: Number(values[5]),
  epochLengthS: Number(values[6]),
  minPayoutWei: BigInt(values[7]),
  effectiveAtS: Number(values[8]),
});
