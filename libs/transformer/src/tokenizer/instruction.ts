import { invariant } from '@openledger/kernel';
import type { ChatTemplate } from './chat-template.js';
import type { TextTokenizer } from './text-tokenizer.js';

/** A prompt with the answer to learn; an empty prompt makes it plain text. */
export interface Instruction {
  readonly prompt: string;
  readonly completion: string;
}

/** What it takes to turn an instruction into tokens. */
export interface InstructionModel {
  readonly tokenizer: TextTokenizer;
  readonly chatTemplate?: ChatTemplate;
  readonly generation: { readonly eosTokenIds: readonly number[] };
}

export interface InstructionTokens {
  readonly tokens: Int32Array;
  /** Index of the first token of the completion; see `completionExample`. */
  readonly completionStart: number;
}

/**
 * The tokens of an instruction exactly as a chat request would frame its prompt, followed by the
 * completion and the end token. Training and attribution use the same framing as serving, or the
 * adapter would be trained, and credited, for another distribution than it answers in.
 */
export function instructionTokens(model: InstructionModel, instruction: Instruction): InstructionTokens {
  const { tokenizer, chatTemplate, generation } = model;
  const end = generation.eosTokenIds.slice(0, 1);
  const { prompt, completion } = instruction;
  if (prompt === '') {
    const tokens = [...tokenizer.encode(completion), ...end];
    return { tokens: Int32Array.from(tokens), completionStart: 1 };
  }
  const opening = chatTemplate
    ? tokenizer.encode(chatTemplate.render([{ role: 'user', content: prompt }]), { addSpecialTokens: false })
    : tokenizer.encode(`${prompt}\n`);
  invariant(opening.length > 0, 'a prompt has tokens');
  const answer = tokenizer.encode(completion, { addSpecialTokens: false });
  return { tokens: Int32Array.from([...opening, ...answer, ...end]), completionStart: opening.length };
}
