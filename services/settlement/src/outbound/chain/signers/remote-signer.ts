import { toQuantity } from 'ethers';
import { type DigestKey, TransactionSigner } from '../../../application/chain/signer-ports.js';
import type { UnsignedTransaction } from '../../../domain/chain/signing-policy.js';
import { signerInvalid, signerUnavailable } from './signed-transaction.js';

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 262_144;
/** 72 bytes of DER at most, in hexadecimal. */
const DER = /^0x[0-9a-fA-F]{16,144}$/;

export interface RemoteEndpoint {
  readonly url: string;
  /** Sent as a bearer token; never shown. */
  readonly token?: string;
}

/**
 * Signs at another process by JSON-RPC `eth_signTransaction`, as Web3Signer, Clef and nodes offer it. The answer is
 * the raw transaction, or an object that holds it as `raw`.
 */
export class RemoteSigner extends TransactionSigner {
  constructor(
    readonly address: string,
    private readonly endpoint: RemoteEndpoint,
  ) {
    super();
  }

  async sign(transaction: UnsignedTransaction): Promise<string> {
    const answer = await post(this.endpoint, {
      jsonrpc: '2.0',
      id: 1,
      method: 'eth_signTransaction',
      params: [
        {
          from: this.address,
          to: transaction.to,
          data: transaction.data,
          value: toQuantity(transaction.valueWei),
          nonce: toQuantity(transaction.nonce),
          gas: toQuantity(transaction.gasLimit),
          maxFeePerGas: toQuantity(transaction.maxFeeWei),
          maxPriorityFeePerGas: toQuantity(transaction.tipWei),
          chainId: toQuantity(transaction.chainId),
        },
      ],
    });
    const { result, error } = answer;
    if (error) throw signerUnavailable(`it refused with code ${Number((error as { code?: unknown }).code)}`);
    const raw = typeof result === 'string' ? result : (result as { raw?: unknown } | undefined)?.raw;
    if (typeof raw === 'string') return raw;
    throw signerInvalid('the answer holds no transaction');
  }
}

/** A plain endpoint in front of a key management service: `{ address, digest }` for `{ signature }`, DER in hexadecimal. */
export class RemoteDigestKey implements DigestKey {
  constructor(
    private readonly address: string,
    private readonly endpoint: RemoteEndpoint,
  ) {}

  async signDigest(digest: Uint8Array): Promise<Uint8Array> {
    const { signature } = await post(this.endpoint, {
      address: this.address,
      digest: `0x${Buffer.from(digest).toString('hex')}`,
    });
    if (typeof signature !== 'string' || !DER.test(signature))
      throw signerInvalid('the answer is no signature');
    return Buffer.from(signature.slice(2), 'hex');
  }
}

/** Neither the address, which may hold a password, nor what went over the wire gets into an error. */
async function post(endpoint: RemoteEndpoint, body: unknown): Promise<Record<string, unknown>> {
  let response: Response;
  try {
    response = await fetch(endpoint.url, {
      method: 'POST',
      redirect: 'error',
      headers: {
        'content-type': 'application/json',
        ...(endpoint.token === undefined ? {} : { authorization: `Bearer ${endpoint.token}` }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw signerUnavailable('no answer');
  }
  if (!response.ok) {
    await response.body?.cancel();
    throw signerUnavailable(`status ${response.status}`);
  }
  return parsed(await bounded(response));
}

async function bounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > ANSWER_BYTES_MAX) throw signerInvalid('the answer is too long');
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof Error && error.name === 'DomainError' ? error : signerUnavailable('no answer');
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw signerInvalid('the answer is not a JSON object');
}
