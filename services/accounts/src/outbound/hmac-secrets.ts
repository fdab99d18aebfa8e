import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Secrets } from '../application/ports.js';

/**
 * Credentials hold 256 random bits, so a fast keyed hash is enough: there is nothing to guess, and a slow
 * hash would let anybody keep our CPUs busy. The pepper makes a stolen table useless on its own.
 */
export class HmacSecrets extends Secrets {
  constructor(private readonly pepper: string) {
    super();
  }

  random(bytes: number): Uint8Array {
    return randomBytes(bytes);
  }

  digest(purpose: 'credential' | 'nonce', text: string): string {
    return createHmac('sha256', this.pepper).update(purpose).update('\0').update(text).digest('hex');
  }

  same(a: string, b: string): boolean {
    const [left, right] = [Buffer.from(a), Buffer.from(b)];
    return left.length === right.length && timingSafeEqual(left, right);
  }
}
