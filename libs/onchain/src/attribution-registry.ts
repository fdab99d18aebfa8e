import { id, type Provider } from 'ethers';
import { type ChainLog, DeployedContract, type PreparedCall } from './contract.js';
import { attributionRegistryArtifact } from './generated/attribution-registry.js';

/** A root and the positions of its stream that it covers: `from` to `to`, without `to`. */
export interface RootAnchor {
  readonly stream: string;
  readonly root: string;
  readonly from: number;
  readonly to: number;
  /** Leaves under the root. */
  readonly count: number;
  /** 0x-prefixed hash of the published data behind the root. */
  readonly manifest: string;
}

/** A root was appended to its stream. */
export interface Anchored extends RootAnchor {
  readonly index: number;
  readonly previousHead: string;
  readonly head: string;
}

/** How far a stream has come. */
export interface StreamState {
  /** Hashes every anchor so far, in order. */
  readonly head: string;
  /** The first position that is not covered. */
  readonly next: number;
  readonly length: number;
}

/** The stream of attribution roots. */
export const ATTRIBUTION_STREAM = id('openledger.attribution');
/** The stream of one Datanet's versions: position n is version n. */
export const datanetStream = (datanetId: string): string => id(`openledger.datanet.${datanetId}`);

/** Where roots of attribution and of Datanet versions are anchored, without gaps. */
export class AttributionRegistry extends DeployedContract {
  readonly anchoredTopic = this.topicOf('Anchored');

  constructor(address: string, provider: Provider) {
    super(address, provider, attributionRegistryArtifact.abi);
  }

  async publisher(): Promise<string> {
    return String((await this.read('publisher'))[0]);
  }

  async stream(stream: string): Promise<StreamState> {
    const values = await this.read('streams', [stream]);
    return { head: String(values[0]), next: Number(values[1]), length: Number(values[2]) };
  }

  /** When a root was anchored, in seconds, and what it covers; undefined for one that is not. */
  async anchorOf(
    stream: string,
    root: string,
  ): Promise<{ from: number; to: number; count: number; anchoredAtS: number } | undefined> {
    const [from, to, count, anchoredAtS] = (await this.read('anchors', [stream, root])).map(Number);
    if (from === undefined || to === undefined || count === undefined || !anchoredAtS) return undefined;
    return { from, to, count, anchoredAtS };
  }

  anchor(anchor: RootAnchor): PreparedCall {
    const { stream, root, from, to, count, manifest } = anchor;
    return this.prepare('anchor', [stream, root, from, to, count, manifest]);
  }

  setPublisher(publisher: string): PreparedCall {
    return this.prepare('setPublisher', [publisher]);
  }

  decodeAnchored(log: ChainLog): Anchored {
    const values = this.decode('Anchored', log);
    return {
      stream: String(values[0]),
      index: Number(values[1]),
      root: String(values[2]),
      from: Number(values[3]),
      to: Number(values[4]),
      count: Number(values[5]),
      manifest: String(values[6]),
      previousHead: String(values[7]),
      head: String(values[8]),
    };
  }
}
