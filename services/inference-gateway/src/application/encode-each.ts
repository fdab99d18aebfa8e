import { contextLengthExceeded } from '../domain/sampling.js';
import type { BaseModel, EncodedPrompt, Prompt } from './ports.js';

/**
 * Encodes prompts, refusing the first that is too long before the next is looked at. Encoding holds up the
 * whole process, so other requests get a turn between two prompts.
 *
 * @throws DomainError PROMPT_INVALID, CONTEXT_UNSUPPORTED, CONTEXT_LENGTH_EXCEEDED, what `check` throws
 */
export async function encodeEach(
  base: BaseModel,
  prompts: readonly Prompt[],
  check: (tokens: readonly number[]) => void = () => undefined,
): Promise<EncodedPrompt[]> {
  const encoded: EncodedPrompt[] = [];
  for (const prompt of prompts) {
    if (encoded.length > 0) await new Promise<void>((resolve) => setImmediate(resolve));
    const each = base.encode(prompt);
    const { tokens } = each;
    if (tokens.length > base.contextTokens) throw contextLengthExceeded(tokens.length, base.contextTokens);
    check(tokens);
    encoded.push(each);
  }
  return encoded;
}
