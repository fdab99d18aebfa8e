import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from '@openledger/onchain';
import { type JsonRpcProvider, Transaction } from 'ethers';

interface Request {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
}

interface Pooled {
  readonly hash: string;
  readonly maxFeeWei: bigint;
  readonly tipWei: bigint;
}

const MINING_LIMIT_MS = 10_000;

class Refusal extends Error {}

/**
 * A node as strict as the strictest and as bad as the worst, in front of Anvil, which takes replacements for 5 % more
 * and forgets nothing. Every fault is off until a test turns it on.
 */
export class StrictPool {
  /** A replacement must raise both fees by this much. */
  replacePercent = 12.5;
  /** Of the next transactions, how many are taken and lost. */
  forget = 0;
  /** Of the next transactions, how many reach the chain while the caller learns of an error. */
  late = 0;
  hidesReceipts = false;
  /** Added to the count of mined transactions that it tells. */
  nonceOffset = 0;
  /** Said in place of taking a transaction. */
  refusesWith: string | undefined;
  /** Everything that was sent, in order. */
  readonly sent: string[] = [];
  private readonly pending = new Map<string, Pooled>();

  private constructor(
    private readonly server: Server,
    private readonly behind: JsonRpcProvider,
    readonly provider: JsonRpcProvider,
  ) {}

  static async start(behind: JsonRpcProvider, chainId: number): Promise<StrictPool> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const pool = new StrictPool(server, behind, connect(`http://127.0.0.1:${port}`, chainId));
    server.on('request', async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const asked = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Request;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ jsonrpc: '2.0', id: asked.id, ...(await pool.answer(asked)) }));
    });
    return pool;
  }

  async stop(): Promise<void> {
    this.provider.destroy();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer({ method, params }: Request): Promise<{ result: unknown } | { error: unknown }> {
    try {
      return { result: await this.serve(method, params) };
    } catch (error) {
      const inner = (error as { error?: { code?: number; message?: string; data?: string } }).error;
      const info = (error as { info?: { error?: unknown } }).info?.error;
      if (error instanceof Refusal) return { error: { code: -32_000, message: error.message } };
      return { error: inner ?? info ?? { code: -32_603, message: String(error) } };
    }
  }

  private async serve(method: string, params: readonly unknown[]): Promise<unknown> {
    if (method === 'eth_sendRawTransaction') return this.take(String(params[0]));
    if (method === 'eth_getTransactionReceipt' && this.hidesReceipts) return null;
    const answer: unknown = await this.behind.send(method, [...params]);
    if (method !== 'eth_getTransactionCount' || params[1] !== 'latest') return answer;
    return `0x${Math.max(0, Number(answer) + this.nonceOffset).toString(16)}`;
  }

  private async take(raw: string): Promise<string> {
    this.sent.push(raw);
    if (this.refusesWith !== undefined) throw new Refusal(this.refusesWith);
    const transaction = Transaction.from(raw);
    const { hash, from, nonce } = transaction;
    if (hash === null || from === null) throw new Refusal('invalid signature');
    const mined = Number(await this.behind.send('eth_getTransactionCount', [from, 'latest']));
    if (nonce < mined) throw new Refusal('nonce too low');
    const key = `${from}:${nonce}`;
    const before = this.pending.get(key);
    const offered = {
      hash,
      maxFeeWei: transaction.maxFeePerGas ?? 0n,
      tipWei: transaction.maxPriorityFeePerGas ?? 0n,
    };
    if (before?.hash === hash) throw new Refusal('already known');
    if (
      before &&
      !(this.outbids(before.maxFeeWei, offered.maxFeeWei) && this.outbids(before.tipWei, offered.tipWei))
    ) {
      throw new Refusal('replacement transaction underpriced');
    }
    if (this.forget > 0) {
      this.forget -= 1;
      return hash;
    }
    this.pending.set(key, offered);
    await this.behind.send('eth_sendRawTransaction', [raw]);
    // Anvil answers before it mines; whoever asks next should find what a block at once would hold.
    const minesNow = nonce === mined && (await this.behind.send('anvil_getAutomine', []));
    if (minesNow) await this.behind.waitForTransaction(hash, 1, MINING_LIMIT_MS);
    if (this.late > 0) {
      this.late -= 1;
      throw new Refusal('the upstream did not answer in time');
    }
    return hash;
  }

  private outbids(before: bigint, now: bigint): boolean {
    return now * 1_000n >= before * BigInt(Math.round(1_000 + this.replacePercent * 10));
  }
}
