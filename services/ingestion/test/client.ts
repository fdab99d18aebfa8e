import type { Person, Platform } from './platform.js';

/** Every field that an answer of this service may have; the tests assert which ones are there. */
export interface Body {
  readonly code: string;
  readonly detail: string;
  readonly details: Readonly<Record<string, string | number>>;
  readonly datanetId: string;
  readonly contributionId: string;
  readonly contributorId: string;
  readonly status: string;
  readonly merkleRoot: string;
  readonly recordCount: number;
  readonly receivedAt: string;
  readonly typedData: {
    readonly domain: { name: string; version: string; chainId: number };
    readonly types: Record<string, { name: string; type: string }[]>;
    readonly primaryType: string;
    readonly message: Record<string, string | number>;
  };
  readonly items: readonly Body[];
  readonly next: string | number | null;
}

export interface Answer {
  readonly status: number;
  readonly body: Body;
}

type Headers = Record<string, string | undefined>;
type UploadBody = string | Uint8Array | ArrayBuffer | ReadableStream;

/** Talks to the service as one person. */
export class Client {
  constructor(
    private readonly platform: Platform,
    private readonly person?: Person,
  ) {}

  get = (path: string) => this.call('GET', path, {});

  post(path: string, body: unknown): Promise<Answer> {
    return this.call('POST', path, { 'content-type': 'application/json' }, JSON.stringify(body));
  }

  /** Takes a contribution back. */
  delete(path: string, body?: object): Promise<Answer> {
    const headers = body ? { 'content-type': 'application/json' } : {};
    return this.call('DELETE', path, headers, body && JSON.stringify(body));
  }

  /** JSON lines under the Datanet's licence, unless `headers` say otherwise. */
  upload(datanetId: string, body: UploadBody, headers: Headers = {}): Promise<Answer> {
    const all = { 'content-type': 'application/x-ndjson', 'x-openledger-licence': 'CC-BY-4.0', ...headers };
    return this.call('POST', `/datanets/${datanetId}/contributions`, all, body);
  }

  private async call(method: string, path: string, headers: Headers, body?: UploadBody): Promise<Answer> {
    const present = Object.entries(headers).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    const response = await fetch(this.platform.url + path, {
      method,
      headers: {
        ...Object.fromEntries(present),
        ...(this.person === undefined ? {} : { authorization: `Bearer ${this.person.name}` }),
      },
      ...(body === undefined ? {} : { body, duplex: 'half' }),
    });
    const text = await response.text();
    return { status: response.status, body: JSON.parse(text) as Body };
  }
}

export const datanetBody = {
  name: 'Clinical questions',
  domain: 'healthcare',
  licence: 'CC-BY-4.0',
  schema: { kind: 'instruction', minCharacters: 10, maxCharacters: 10_000 },
  permissions: { training: true, commercialUse: true },
};

/** Signs what an upload answered, as a wallet does. */
export const sign = ({ typedData: { domain, types, message } }: Body, { wallet }: Person): Promise<string> =>
  wallet.signTypedData(domain, types, message);
