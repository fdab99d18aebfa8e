import { basename } from 'node:path';
import { DomainError } from '@openledger/kernel';
import {
  type ContextPrompt,
  chatContextPrompt,
  chatText,
  loadModelText,
  textContextPrompt,
} from '@openledger/transformer';
import type { BaseModel, ContextChunk, EncodedPrompt, Prompt } from '../application/ports.js';

export interface BaseModelFolder extends BaseModel {
  /** Sampling that the model's authors recommend, where they do. */
  readonly recommended: {
    readonly temperature?: number;
    readonly topP?: number;
    readonly topK?: number;
  };
}

export interface BaseModelLimits {
  /** The workers' own limit, where it is below the model's. */
  readonly contextTokensMax: number;
}

/** The base model's folder as far as a gateway needs it: its tokenizer, chat template and identity. */
export async function openBaseModel(dir: string, limits: BaseModelLimits): Promise<BaseModelFolder> {
  const { folder, config, tokenizer, chatTemplate, generation, digest } = await loadModelText(dir);
  const contextTokens = Math.min(config.maxPositions, limits.contextTokensMax);
  const encodeText = (text: string, addSpecialTokens: boolean): readonly number[] => {
    refuseHopeless(text, contextTokens);
    return [...tokenizer.encode(text, { addSpecialTokens })];
  };
  const encode = (prompt: Prompt): EncodedPrompt => {
    if (prompt.kind === 'tokens') return plain(checkTokens(prompt.tokens, config.vocabSize));
    const { context = [] } = prompt;
    const chunks = context.map(({ text }) => text);
    for (const chunk of chunks) refuseHopeless(chunk, contextTokens);
    if (prompt.kind === 'text') {
      if (chunks.length === 0) return plain(encodeText(prompt.text, true));
      refuseHopeless(prompt.text, contextTokens);
      return withRanges(textContextPrompt(tokenizer, prompt.text, chunks), context);
    }
    if (!chatTemplate) throw invalid('This model has no chat template: use /v1/completions.');
    const model = { tokenizer, chatTemplate };
    const text = chatText(model, prompt.messages);
    // The template writes the special tokens itself.
    if (chunks.length === 0) return plain(encodeText(text, false));
    refuseHopeless(text, contextTokens);
    return withRanges(chatContextPrompt(model, prompt.messages, chunks), context);
  };
  return {
    name: basename(folder),
    digest,
    contextTokens,
    dimensions: config.hiddenSize,
    recommended: generation,
    tokenBytes: (token) => tokenizer.tokenBytes(token) ?? new Uint8Array(),
    encode: (prompt) => {
      const encoded = encode(prompt);
      const begun = encoded.context.at(-1)?.end ?? 0;
      if (encoded.tokens.length === begun) throw invalid('The prompt has no tokens: write something.');
      return encoded;
    },
  };
}

const plain = (tokens: readonly number[]): EncodedPrompt => ({ tokens, context: [] });

const withRanges = ({ tokens, ranges }: ContextPrompt, chunks: readonly ContextChunk[]): EncodedPrompt => ({
  tokens,
  context: ranges.map((range, i) => ({ recordId: chunks[i]?.recordId ?? '', ...range })),
});

/** More than text has on average in any vocabulary. */
const CHARACTERS_PER_TOKEN_MAX = 64;

/** Encoding holds up every other request of the process, so text that cannot fit is not encoded at all. */
function refuseHopeless(text: string, contextTokens: number): void {
  const charactersMax = contextTokens * CHARACTERS_PER_TOKEN_MAX;
  if (text.length <= charactersMax) return;
  throw new DomainError(
    'invalid',
    'CONTEXT_LENGTH_EXCEEDED',
    `The context of this model holds ${contextTokens} tokens; a prompt of ${text.length} characters has more: shorten it.`,
    { details: { contextTokens } },
  );
}

function checkTokens(tokens: readonly number[], vocabSize: number): readonly number[] {
  const unknown = tokens.find((token) => token >= vocabSize);
  if (unknown === undefined) return tokens;
  throw invalid(`Token ${unknown} is not in the vocabulary of ${vocabSize}.`);
}

const invalid = (message: string): DomainError => new DomainError('invalid', 'PROMPT_INVALID', message);
