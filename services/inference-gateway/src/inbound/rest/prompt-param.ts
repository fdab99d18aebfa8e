import { DomainError } from '@openledger/kernel';

/** Refusals of what was to be read, which each route takes by another name. */
const OF_PROMPTS = new Set(['PROMPT_INVALID', 'CONTEXT_LENGTH_EXCEEDED']);

/** Names the route's own parameter in such refusals. */
export async function naming<T>(param: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const name = error.code === 'CONTEXT_UNSUPPORTED' ? 'context' : OF_PROMPTS.has(error.code) && param;
    if (!name) throw error;
    const details = { ...error.details, param: name };
    throw new DomainError(error.kind, error.code, error.message, { details, cause: error });
  }
}
