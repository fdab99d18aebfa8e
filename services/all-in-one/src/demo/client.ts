import { DomainError } from '@openledger/kernel';
import type { Wallet } from 'ethers';
import { z } from 'zod';

/** How often a page that changes in the background is read again. */
const POLL_MS = 100;

const Nonce = z.object({
  nonce: z.string(),
  domain: z.string(),
  uri: z.string(),
  chainId: z.number(),
  issuedAt: z.string(),
});
const Session = z.object({ token: z.string(), personId: z.string() });

/** A caller of the public REST API, as any outsider would write it. */
export class Client {
  constructor(
    readonly url: string,
    private readonly credential?: string,
  ) {}

  withCredential(credential: string): Client {
    return new Client(this.url, credential);
  }

  /** Logs a wallet in (ERC-4361) and answers with a client that acts for its person. */
  async login(wallet: Wallet, displayName: string): Promise<{ client: Client; personId: string }> {
    const { nonce, domain, uri, chainId, issuedAt } = await this.post('/siwe/nonce', {}, Nonce);
    const message = [
      `${domain} wants you to sign in with your Ethereum account:`,
      wallet.address,
      '',
      'Log in to OpenLedger.',
      '',
      `URI: ${uri}`,
      'Version: 1',
      `Chain ID: ${chainId}`,
      `Nonce: ${nonce}`,
      `Issued At: ${issuedAt}`,
    ].join('\n');
    const signature = await wallet.signMessage(message);
    const session = await this.post('/siwe/verify', { message, signature, displayName }, Session);
    return { client: this.withCredential(session.token), personId: session.personId };
  }

  get<S extends z.ZodType>(path: string, schema: S): Promise<z.infer<S>> {
    return this.call('GET', path, schema);
  }

  post<S extends z.ZodType>(path: string, body: unknown, schema: S): Promise<z.infer<S>> {
    return this.call('POST', path, schema, {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
  }

  upload<S extends z.ZodType>(path: string, lines: string, licence: string, schema: S): Promise<z.infer<S>> {
    const headers = { 'content-type': 'application/x-ndjson', 'x-openledger-licence': licence };
    return this.call('POST', path, schema, { body: lines, headers });
  }

  /** Reads `path` until `done` says so. A page that is not there yet counts as not done. */
  async until<S extends z.ZodType>(
    path: string,
    schema: S,
    done: (page: z.infer<S>) => boolean,
    withinMs = 300_000,
  ): Promise<z.infer<S>> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const page = await this.get(path, schema).catch((error: unknown) => {
        if (error instanceof DomainError && error.kind === 'not-found') return undefined;
        throw error;
      });
      if (page !== undefined && done(page)) return page;
      if (Date.now() > deadline) {
        throw new DomainError(
          'unavailable',
          'WAITED_TOO_LONG',
          `${path} did not change within ${withinMs / 1_000} s.`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** The raw response: for streams. @throws DomainError with the code that the API answered */
  async send(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.credential !== undefined) headers.set('authorization', `Bearer ${this.credential}`);
    const response = await fetch(`${this.url}${path}`, { ...init, method, headers });
    if (!response.ok) throw await refusal(method, path, response);
    return response;
  }

  private async call<S extends z.ZodType>(
    method: string,
    path: string,
    schema: S,
    init?: RequestInit,
  ): Promise<z.infer<S>> {
    const response = await this.send(method, path, init);
    return schema.parse(await response.json());
  }
}

const Problem = z.object({ code: z.string(), detail: z.string() });
const OpenAiError = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

async function refusal(method: string, path: string, response: Response): Promise<DomainError> {
  const body: unknown = await response.json().catch(() => ({}));
  const problem = Problem.safeParse(body).data;
  const openAi = OpenAiError.safeParse(body).data?.error;
  const code = problem?.code ?? openAi?.code ?? `HTTP_${response.status}`;
  const text = problem?.detail ?? openAi?.message ?? response.statusText;
  const kind = response.status === 404 ? 'not-found' : 'precondition';
  return new DomainError(kind, code, `${method} ${path}: ${text}`, { details: { status: response.status } });
}
