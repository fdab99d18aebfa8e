import type { HDNodeWallet, Wallet } from 'ethers';

/** Every field that an answer of this service may have; the tests assert which ones are there. */
export interface Body extends Fields {
  readonly code: string;
  readonly token: string;
  readonly personId: string;
  readonly walletAddress: string;
  readonly displayName: string;
  readonly registered: boolean;
  readonly expiresAt: string;
  readonly organisationId: string;
  readonly name: string;
  readonly organisations: readonly Body[];
  readonly scopes: readonly string[];
  readonly id: string;
  readonly key: string;
  readonly lastUsedAt: string | null;
  readonly items: readonly Body[];
}

export interface Answer {
  readonly status: number;
  readonly body: Body;
}

/** Talks to one service as a program would. */
export class Client {
  constructor(
    private readonly base: string,
    private readonly credential?: string,
  ) {}

  as(credential: string): Client {
    return new Client(this.base, credential);
  }

  get = (path: string) => this.call('GET', path);
  post = (path: string, body: unknown = {}) => this.call('POST', path, body);
  delete = (path: string) => this.call('DELETE', path);

  private async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(this.base + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(this.credential === undefined ? {} : { authorization: `Bearer ${this.credential}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : JSON.parse(text) };
  }
}

interface Fields {
  readonly domain: string;
  readonly uri: string;
  readonly chainId: number;
  readonly nonce: string;
  readonly issuedAt: string;
  readonly expirationTime: string;
}

export const siweText = (address: string, fields: Fields) =>
  [
    `${fields.domain} wants you to sign in with your Ethereum account:`,
    address,
    '',
    'Log in to OpenLedger.',
    '',
    `URI: ${fields.uri}`,
    'Version: 1',
    `Chain ID: ${fields.chainId}`,
    `Nonce: ${fields.nonce}`,
    `Issued At: ${fields.issuedAt}`,
    `Expiration Time: ${fields.expirationTime}`,
  ].join('\n');

/** A whole login: nonce, message, signature; the body of the answer. */
export async function logIn(client: Client, wallet: Wallet | HDNodeWallet, displayName?: string) {
  const { body: fields } = await client.post('/siwe/nonce');
  const message = siweText(wallet.address, fields);
  const signature = await wallet.signMessage(message);
  const answer = await client.post('/siwe/verify', {
    message,
    signature,
    ...(displayName === undefined ? {} : { displayName }),
  });
  return { ...answer, message, signature };
}
