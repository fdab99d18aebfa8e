import { DomainError } from '@openledger/kernel';
import { z } from 'zod';
import type { ContextChunk, Prompt } from '../../application/ports.js';

const TOKENS_MAX = 131_072;
const tokens = z.array(z.int().min(0)).min(1).max(TOKENS_MAX);

/** One text or list of token ids, or a list of such. */
export const textOrTokens = (itemsMax: number) =>
  z.union(
    [
      z.string(),
      tokens,
      z
        .array(z.union([z.string(), tokens]))
        .min(1)
        .max(itemsMax),
    ],
    {
      error: `text, token ids, or a list of up to ${itemsMax} of them`,
    },
  );

type TextOrTokens = z.infer<ReturnType<typeof textOrTokens>>;

export function toPrompts(input: TextOrTokens): Prompt[] {
  if (typeof input === 'string') return [{ kind: 'text', text: input }];
  const items = input.filter((item) => typeof item !== 'number');
  return items.length > 0
    ? items.map(toPrompt)
    : [toPrompt(input.filter((item) => typeof item === 'number'))];
}

const toPrompt = (item: string | number[]): Prompt =>
  typeof item === 'string' ? { kind: 'text', text: item } : { kind: 'tokens', tokens: item };

/** The chunks before every prompt. @throws DomainError CONTEXT_UNSUPPORTED for prompts of token ids */
export const withContext = (prompts: readonly Prompt[], context: readonly ContextChunk[]): Prompt[] =>
  context.length === 0
    ? [...prompts]
    : prompts.map((prompt) => {
        if (prompt.kind === 'text') return { ...prompt, context };
        const message = 'A prompt of token ids takes no "context": send it as text.';
        throw new DomainError('invalid', 'CONTEXT_UNSUPPORTED', message, { details: { param: 'context' } });
      });
