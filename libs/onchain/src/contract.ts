import { DomainError } from '@openledger/kernel';
import {
  type BlockTag,
  Interface,
  type InterfaceAbi,
  isCallException,
  type JsonFragment,
  type Provider,
  type Result,
  type Signer,
  type TransactionReceipt,
} from 'ethers';
import { artifacts } from './generated/artifacts.js';

/** The errors of every contract: a call may fail inside another one than it was sent to. */
const ERRORS = new Interface(
  artifacts.flatMap(({ abi }: { abi: readonly JsonFragment[] }) =>
    abi.filter(({ type }) => type === 'error'),
  ),
);

/** A call that is ready to be signed by whoever sends it. */
export interface PreparedCall {
  readonly to: string;
  readonly data: string;
}

/** The parts of a log that identify it and that its event is decoded from. */
export interface ChainLog {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
  readonly blockNumber: number;
  readonly blockHash: string;
  readonly transactionHash: string;
  readonly index: number;
}

/** Encodes calls and decodes answers of one deployed contract; the subclasses give them types. */
export abstract class DeployedContract {
  protected readonly abi: Interface;

  protected constructor(
    readonly address: string,
    private readonly provider: Provider,
    abi: InterfaceAbi,
  ) {
    this.abi = Interface.from(abi);
  }

  protected prepare(name: string, values: readonly unknown[]): PreparedCall {
    return { to: this.address, data: this.abi.encodeFunctionData(name, values) };
  }

  /** As of `blockTag`, of the newest block without one. */
  protected async read(
    name: string,
    values: readonly unknown[] = [],
    blockTag: BlockTag = 'latest',
  ): Promise<Result> {
    try {
      const answer = await this.provider.call({ ...this.prepare(name, values), blockTag });
      return this.abi.decodeFunctionResult(name, answer);
    } catch (error) {
      throw asRevert(error);
    }
  }

  protected topicOf(name: string): string {
    const event = this.abi.getEvent(name);
    if (!event) throw new Error(`the contract has no event ${name}`);
    return event.topicHash;
  }

  protected decode(name: string, log: ChainLog): Result {
    return this.abi.decodeEventLog(name, log.data, log.topics);
  }
}

/** Signs, sends and waits for one confirmation. @throws DomainError `CHAIN_…` when the contract refuses. */
export async function sendAndWait(signer: Signer, call: PreparedCall): Promise<TransactionReceipt> {
  try {
    const response = await signer.sendTransaction(call);
    const receipt = await response.wait();
    if (!receipt) throw new Error(`transaction ${response.hash} has no receipt`);
    return receipt;
  } catch (error) {
    throw asRevert(error);
  }
}

/** Turns a revert with one of our custom errors into a DomainError; returns anything else as it came. */
export function asRevert(error: unknown): unknown {
  if (!isCallException(error)) return error;
  const parsed = error.data ? ERRORS.parseError(error.data) : null;
  if (!parsed) return error;
  const details = Object.fromEntries(
    parsed.fragment.inputs.map((input, i) => [input.name, String(parsed.args[i])]),
  );
  const code = `CHAIN_${parsed.name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toUpperCase()}`;
  return new DomainError('precondition', code, `the contract refused the call: ${parsed.name}`, {
    details,
    cause: error,
  });
}
