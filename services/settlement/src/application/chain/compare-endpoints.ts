import { DomainError } from '@openledger/kernel';
import { ChainReader, type FinalityTag, type SeenLog } from './chain-ports.js';

export interface Endpoint {
  /** Shown to operators: never a URL that may hold a key. */
  readonly name: string;
  readonly reader: ChainReader;
}

export type EndpointTrouble =
  | 'RPC_UNREACHABLE'
  | 'RPC_STALLED'
  | 'RPC_HEAD_BACKWARDS'
  | 'RPC_FORGOT_BLOCK'
  | 'RPC_DISAGREES';

export interface EndpointHealth {
  readonly name: string;
  /** Undefined where its last answers were as they should be. */
  readonly quarantined: EndpointTrouble | undefined;
  readonly head: number | undefined;
}

export interface CompareOptions {
  /** Behind what most say by more blocks than this: stalled. */
  readonly lagMax: number;
}

export type QuarantineListener = (endpoint: string, trouble: EndpointTrouble) => void;

/** What one endpoint said, or that it said nothing. */
interface Said<T> {
  readonly endpoint: Watched;
  readonly value: T | undefined;
  readonly reached: boolean;
}

interface Watched extends Endpoint {
  trouble: EndpointTrouble | undefined;
  highest: number | undefined;
}

/**
 * Believes what most endpoints say alike, and nothing else: of two both, of three two. Who says otherwise, lags or
 * forgets is named, and counts again with its next right answer.
 */
export class CompareEndpoints extends ChainReader {
  private readonly endpoints: readonly Watched[];
  private readonly quorum: number;
  private listener: QuarantineListener = () => {};

  constructor(
    endpoints: readonly Endpoint[],
    private readonly options: CompareOptions,
  ) {
    super();
    this.endpoints = endpoints.map((endpoint) => ({ ...endpoint, trouble: undefined, highest: undefined }));
    this.quorum = Math.floor(endpoints.length / 2) + 1;
  }

  /** Told when an endpoint begins not to be believed. */
  onQuarantine(listener: QuarantineListener): void {
    this.listener = listener;
  }

  health(): EndpointHealth[] {
    return this.endpoints.map(({ name, trouble, highest }) => ({
      name,
      quarantined: trouble,
      head: highest,
    }));
  }

  /** The highest block that enough endpoints have. */
  async head(): Promise<number> {
    const said = await this.ask((reader) => reader.head());
    const head = this.reachedBy(said);
    if (head === undefined) throw this.refusal('RPC_UNREACHABLE', 'too few endpoints of the chain answer');
    for (const { endpoint, value } of said) {
      if (value === undefined) continue;
      const before = endpoint.highest ?? value;
      endpoint.highest = value;
      if (head - value > this.options.lagMax) this.quarantine(endpoint, 'RPC_STALLED');
      else if (value < before) this.quarantine(endpoint, 'RPC_HEAD_BACKWARDS');
      else endpoint.trouble = undefined;
    }
    return head;
  }

  async blockHash(number: number): Promise<string | undefined> {
    const said = await this.ask((reader) => reader.blockHash(number));
    const known = said.filter(({ value }) => value !== undefined);
    if (known.length === 0) {
      const reached = said.filter((one) => one.reached).length;
      if (reached >= this.quorum) return undefined;
      throw this.refusal('RPC_UNREACHABLE', 'too few endpoints of the chain answer');
    }
    for (const { endpoint, value, reached } of said) {
      const hasIt = endpoint.highest !== undefined && endpoint.highest >= number;
      if (reached && value === undefined && hasIt) this.quarantine(endpoint, 'RPC_FORGOT_BLOCK');
    }
    return this.agreed(known, (hash) => hash, `the block at height ${number}`);
  }

  logs(from: number, to: number): Promise<SeenLog[]> {
    return this.ask((reader) => reader.logs(from, to)).then((said) =>
      this.agreed(said, canonical, `the logs of blocks ${from} to ${to}`),
    );
  }

  async tagged(tag: FinalityTag): Promise<number | undefined> {
    return this.reachedBy(await this.ask((reader) => reader.tagged(tag)));
  }

  private ask<T>(question: (reader: ChainReader) => Promise<T>): Promise<Said<T>[]> {
    return Promise.all(
      this.endpoints.map(async (endpoint) => {
        try {
          return { endpoint, value: await question(endpoint.reader), reached: true };
        } catch (error) {
          // What an endpoint says wrong of itself is as good as no answer.
          this.quarantine(endpoint, error instanceof DomainError ? 'RPC_DISAGREES' : 'RPC_UNREACHABLE');
          return { endpoint, value: undefined, reached: false };
        }
      }),
    );
  }

  /** The greatest number that enough endpoints reach. */
  private reachedBy(said: readonly Said<number | undefined>[]): number | undefined {
    const numbers = said.flatMap(({ value }) => (value === undefined ? [] : [value]));
    return numbers.toSorted((a, b) => b - a)[this.quorum - 1];
  }

  private agreed<T>(said: readonly Said<T | undefined>[], keyOf: (value: T) => string, what: string): T {
    const votes = new Map<string, Said<T | undefined>[]>();
    for (const one of said) {
      if (one.value === undefined) continue;
      const key = keyOf(one.value);
      votes.set(key, [...(votes.get(key) ?? []), one]);
    }
    const winners = [...votes.values()].find((group) => group.length >= this.quorum);
    // Who stands alone because others are silent has not contradicted anybody.
    const dissenting = votes.size > 1 ? [...votes.values()].filter((group) => group !== winners) : [];
    for (const group of dissenting) {
      for (const { endpoint } of group) this.quarantine(endpoint, 'RPC_DISAGREES');
    }
    const value = winners?.[0]?.value;
    if (value !== undefined) return value;
    throw votes.size > 1
      ? this.refusal('RPC_DISAGREES', `the endpoints of the chain disagree about ${what}`)
      : this.refusal('RPC_UNREACHABLE', `too few endpoints of the chain know ${what}`);
  }

  private quarantine(endpoint: Watched, trouble: EndpointTrouble): void {
    if (endpoint.trouble === trouble) return;
    endpoint.trouble = trouble;
    this.listener(endpoint.name, trouble);
  }

  private refusal(code: EndpointTrouble, message: string): DomainError {
    return new DomainError('unavailable', code, message);
  }
}

const canonical = (logs: readonly SeenLog[]): string =>
  JSON.stringify(logs, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
