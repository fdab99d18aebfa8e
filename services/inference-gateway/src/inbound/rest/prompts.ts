import { z } from 'zod';
import type { Prompt } from '../../application/ports.js';

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
