import { createHmac, randomBytes } from 'node:crypto';
import { lookup as systemLookup } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { DomainError } from '@openledger/kernel';
import {
  type SendOutcome,
  type WebhookEndpoint,
  WebhookSender,
} from '../../application/webhooks/webhook-ports.js';
import type { WebhookMessage } from '../../domain/webhooks/webhook.js';

const TIMEOUT_MS = 15_000;
const SECRET_BYTES = 32;
const SECRET_PREFIX = 'whsec_';

/** Loopback, private, link-local, shared, documentation, multicast and reserved ranges (RFC 6890). */
const INTERNAL = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  INTERNAL.addSubnet(net, prefix, 'ipv4');
}
for (const [net, prefix] of [
  ['::', 128],
  ['::1', 128],
  // IPv4 in IPv6.
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
  ['2001:db8::', 32],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  INTERNAL.addSubnet(net, prefix, 'ipv6');
}

export interface HttpWebhookOptions {
  /** Where receivers run beside the service: development only. */
  readonly allowInternal: boolean;
  /** The system's resolver by default. */
  readonly lookup?: typeof systemLookup;
}

/**
 * Posts messages signed by the Standard Webhooks specification (v1: HMAC-SHA256 of `id.timestamp.body`, base64). Follows
 * no redirect and calls no internal address, whatever a name resolves to at that moment.
 */
export class HttpWebhookSender extends WebhookSender {
  constructor(private readonly options: HttpWebhookOptions) {
    super();
  }

  newSecret(): string {
    return SECRET_PREFIX + randomBytes(SECRET_BYTES).toString('base64');
  }

  check(url: string): void {
    const { protocol, hostname, username, password } = new URL(url);
    if (username || password) throw refused('it holds credentials');
    if (this.options.allowInternal && protocol === 'http:') return;
    if (protocol !== 'https:') throw refused('it is not https');
    const host = hostname.replace(/^\[|\]$/g, '');
    if (!this.options.allowInternal && (host === 'localhost' || (isIP(host) && isInternal(host)))) {
      throw refused('it is an internal address');
    }
  }

  async send(endpoint: WebhookEndpoint, message: WebhookMessage, now: Date): Promise<SendOutcome> {
    try {
      this.check(endpoint.url);
      return { kind: 'answered', status: await this.post(endpoint, message, now) };
    } catch (error) {
      return {
        kind: 'failed',
        error: (error instanceof Error ? error.message : String(error)).slice(0, 300),
      };
    }
  }

  private post(endpoint: WebhookEndpoint, message: WebhookMessage, now: Date): Promise<number> {
    const timestamp = Math.floor(now.getTime() / 1_000).toString();
    const signed = `${message.id}.${timestamp}.${message.body}`;
    const url = new URL(endpoint.url);
    return new Promise((resolve, reject) => {
      const call = (url.protocol === 'https:' ? httpsRequest : httpRequest)(
        url,
        {
          method: 'POST',
          agent: false,
          lookup: this.lookup,
          signal: AbortSignal.timeout(TIMEOUT_MS),
          headers: {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(message.body),
            'user-agent': 'openledger-webhooks/1',
            'webhook-id': message.id,
            'webhook-timestamp': timestamp,
            'webhook-signature': endpoint.secrets
              .map((secret) => `v1,${signatureOf(secret, signed)}`)
              .join(' '),
          },
        },
        (response) => {
          // Only the status counts, so the body is never read.
          response.destroy();
          resolve(response.statusCode ?? 0);
        },
      );
      call.on('error', reject);
      call.end(message.body);
    });
  }

  /** Checks what is really connected to: a name may resolve differently from one moment to the next. */
  private readonly lookup: LookupFunction = (hostname, options, callback) => {
    const resolve = this.options.lookup ?? systemLookup;
    resolve(hostname, { ...options, all: true }, (error, found) => {
      const allowed = this.options.allowInternal
        ? found
        : found?.filter(({ address }) => !isInternal(address));
      const [first] = allowed ?? [];
      if (error || !first) {
        callback(error ?? new Error('the name resolves to internal addresses only'), '', 4);
      } else if (options.all) callback(null, allowed ?? []);
      else callback(null, first.address, first.family);
    });
  };
}

const isInternal = (address: string): boolean =>
  INTERNAL.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

const signatureOf = (secret: string, text: string): string =>
  createHmac('sha256', Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64'))
    .update(text)
    .digest('base64');

const refused = (why: string): DomainError =>
  new DomainError(
    'invalid',
    'WEBHOOK_URL_REFUSED',
    `This URL cannot be called: ${why}. Give a public https URL.`,
  );
