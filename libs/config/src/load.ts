import { readFileSync } from 'node:fs';
import { DomainError } from '@openledger/kernel';
import { z } from 'zod';

export type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads a part of the environment once, at start-up. A variable `X` may instead come as `X_FILE`, the path
 * of a file that holds it, which is how secrets are mounted. Every problem is listed, so one restart
 * fixes them all.
 *
 * @throws DomainError CONFIG_INVALID
 */
export function loadConfig<S extends z.ZodObject>(schema: S, env: Env): Readonly<z.infer<S>> {
  const parsed = schema.safeParse(withFiles(env, Object.keys(schema.shape)));
  if (!parsed.success) {
    throw new DomainError(
      'invalid',
      'CONFIG_INVALID',
      `Bad configuration:\n${z.prettifyError(parsed.error)}`,
    );
  }
  return Object.freeze(parsed.data as object) as Readonly<z.infer<S>>;
}

function withFiles(env: Env, names: readonly string[]): Record<string, string> {
  const values: Record<string, string> = {};
  for (const name of names) {
    // An empty variable means an absent one: that is what an unset value in a chart renders to.
    const file = env[`${name}_FILE`] || undefined;
    const value = env[name] || (file && readFileSync(file, 'utf8').trim());
    if (value) values[name] = value;
  }
  return values;
}
