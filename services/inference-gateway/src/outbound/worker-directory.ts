import { lookup } from 'node:dns/promises';

/** `host:port` of every worker behind the configured addresses: a headless Service names one for each pod. */
export async function resolveWorkers(addresses: readonly string[]): Promise<string[]> {
  const found = await Promise.all(addresses.map(resolve));
  return [...new Set(found.flat())];
}

/** @throws Error when the name does not resolve now: the caller keeps what it knows */
async function resolve(address: string): Promise<string[]> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon);
  const resolved = await lookup(host, { all: true });
  return resolved.map(({ address: ip, family }) => `${family === 6 ? `[${ip}]` : ip}${address.slice(colon)}`);
}
