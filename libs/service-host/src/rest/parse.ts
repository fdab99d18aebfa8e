import { DomainError } from '@openledger/kernel';
import { z } from 'zod';

/** Checks a body, query or path against its schema. @throws DomainError REQUEST_INVALID naming each field */
export function parse<S extends z.ZodType>(schema: S, input: unknown): z.infer<S> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  throw new DomainError('invalid', 'REQUEST_INVALID', z.prettifyError(parsed.error), {
    details: { param: first?.path.join('.') ?? '' },
  });
}
