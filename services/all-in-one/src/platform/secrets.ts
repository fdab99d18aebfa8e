import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Wallet } from 'ethers';
import { z } from 'zod';

const Secrets = z.object({
  /** Shown by services to one another. */
  serviceToken: z.string(),
  /** Without it nobody can test guesses of API keys against a stolen database. */
  apiKeyPepper: z.string(),
  /** Logs in as the platform's operator. */
  operatorKey: z.string(),
  /** Posts epoch roots and funds the distributor. */
  posterKey: z.string(),
});

export type Secrets = z.infer<typeof Secrets>;

/** Makes the secrets of an installation on first start and keeps them in a file that only its owner reads. */
export async function openSecrets(dir: string): Promise<Secrets> {
  const file = join(dir, 'secrets.json');
  try {
    return Secrets.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const secrets: Secrets = {
    serviceToken: randomBytes(32).toString('hex'),
    apiKeyPepper: randomBytes(32).toString('hex'),
    operatorKey: Wallet.createRandom().privateKey,
    posterKey: Wallet.createRandom().privateKey,
  };
  await writeFile(file, JSON.stringify(secrets, null, 2), { mode: 0o600, flag: 'wx' });
  return secrets;
}
