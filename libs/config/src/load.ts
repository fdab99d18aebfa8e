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
export function loadConfig<S extends z.ZodType>(schema: S, env: Env): Readonly<z.infer<S>> {
  const parsed = schema.safeParse(withFiles(env));
  if (!parsed.success) {
    throw new DomainError(
      'invalid',
      'CONFIG_INVALID',
      `Bad configuration:\n${z.prettifyError(parsed.error)}`,
    );
  }
  return Object.freeze(parsed.data as object) as Readonly<z.infer<S>>;
}

function withFiles(env: Env): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    // An empty variable means an absent one: that is what an unset value in a chart renders to.
    if (value === undefined || value === '') continue;
    if (name.endsWith('_FILE')) values[name.slice(0, -'_FILE'.length)] ??= readFileSync(value, 'utf8').trim();
    else values[name] = value;
  }
  return values;
}
