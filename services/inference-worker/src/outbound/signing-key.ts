import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateSigningKey, newId, ReceiptSigner } from '@openledger/kernel';
import type { Host } from '@openledger/service-host';

export interface SigningKeyOptions {
  /** PKCS #8 in PEM, as it was configured. */
  readonly pem?: string | undefined;
  /** Where a key of its own is kept. */
  readonly stateDir?: string | undefined;
}

const FILE = 'receipt-signing-key.pem';

/**
 * The key that receipts are signed with: the configured one; else the one in the state folder, made at the first
 * start; else one that lasts as long as the process.
 *
 * @throws DomainError SIGNING_KEY_INVALID
 */
export async function openSigner(
  { pem, stateDir }: SigningKeyOptions,
  log: Host['log'],
): Promise<ReceiptSigner> {
  const signer = new ReceiptSigner(pem ?? (stateDir ? await keptKey(stateDir) : generateSigningKey()));
  const publicKey = Buffer.from(signer.publicKey).toString('hex');
  if (pem === undefined && stateDir === undefined) {
    log.warn({ publicKey }, 'receipts are signed with a key that ends with this process');
  } else {
    log.info({ publicKey }, 'receipts are signed');
  }
  return signer;
}

/** Replicas that share the folder share the key: of several first starts at once, one makes it. */
async function keptKey(dir: string): Promise<string> {
  const path = join(dir, FILE);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const kept = await readFile(path, 'utf8').catch(absent);
  if (kept !== undefined) return kept;
  const draft = join(dir, `${FILE}.${newId()}`);
  try {
    await writeFile(draft, generateSigningKey(), { mode: 0o600, flag: 'wx' });
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
  return readFile(path, 'utf8');
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
