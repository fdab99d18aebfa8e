import { DomainError } from '@openledger/kernel';
import type { Secrets } from './ports.js';

/** Time to read and sign a message. */
const NONCE_TTL_MS = 5 * 60_000;

const RANDOM_BYTES = 16;
const TIME_DIGITS = 12;
const NONCE = /^([0-9a-f]{12})([0-9a-f]{32})([0-9a-f]{32})$/;

/**
 * Nonces that carry their time and our seal. Nothing is stored until one comes back signed, so asking
 * for nonces, which anybody may do, costs no space.
 */
export class Nonces {
  constructor(private readonly secrets: Secrets) {}

  issue(now: Date): { nonce: string; expiresAt: Date } {
    const time = now.getTime().toString(16).padStart(TIME_DIGITS, '0');
    const body = time + Buffer.from(this.secrets.random(RANDOM_BYTES)).toString('hex');
    return { nonce: body + this.seal(body), expiresAt: new Date(now.getTime() + NONCE_TTL_MS) };
  }

  /**
   * @returns until when the nonce must be remembered as used
   * @throws DomainError SIWE_NONCE_UNKNOWN, SIWE_NONCE_EXPIRED
   */
  check(nonce: string, now: Date): Date {
    const [, time, random, seal] = NONCE.exec(nonce) ?? [];
    if (!time || !random || !seal || !this.secrets.same(seal, this.seal(time + random))) {
      throw new DomainError('unauthenticated', 'SIWE_NONCE_UNKNOWN', 'Take a nonce from POST /siwe/nonce.');
    }
    const expiresAt = new Date(Number.parseInt(time, 16) + NONCE_TTL_MS);
    if (expiresAt <= now) {
      throw new DomainError(
        'unauthenticated',
        'SIWE_NONCE_EXPIRED',
        'The nonce has expired: ask for another.',
      );
    }
    return expiresAt;
  }

  private seal(body: string): string {
    return this.secrets.digest('nonce', body).slice(0, 32);
  }
}
