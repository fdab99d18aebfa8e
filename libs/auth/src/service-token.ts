import { timingSafeEqual } from 'node:crypto';
import { sha256 } from '@openledger/kernel';

/** gRPC metadata by which one service shows another that it belongs to the platform. */
export const SERVICE_TOKEN_HEADER = 'x-openledger-service-token';

/** Compares in constant time, whatever the lengths. */
export function sameSecret(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(sha256(a)), Buffer.from(sha256(b)));
}
