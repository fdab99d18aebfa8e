import { DomainError } from '@openledger/kernel';
import type { ChatMessage, ChatRenderOptions, ChatTemplate } from './chat-template.js';
import type { TextTokenizer } from './text-tokenizer.js';

/** The parts of a loaded model that a prompt needs. */
export interface ChatModel {
  readonly tokenizer: TextTokenizer;
  readonly chatTemplate?: ChatTemplate;
}

/**
 * Text of a conversation, ready to be answered. Special tokens written out in a message are taken apart
 * first ("<|end|>" to "< |end|>"): otherwise a message could close its own turn and speak as another role.
 *
 * @throws DomainError NO_CHAT_TEMPLATE, CHAT_NOT_RENDERABLE
 */
export function chatText(
  { tokenizer, chatTemplate }: ChatModel,
  messages: readonly ChatMessage[],
  options: ChatRenderOptions = {},
): string {
  if (!chatTemplate) {
    throw new DomainError(
      'invalid',
      'NO_CHAT_TEMPLATE',
      'This model has no chat template; ask for a completion instead.',
    );
  }
  const plain = messages.map(({ role, content }) => ({
    role,
    content: plainText(tokenizer, content),
  }));
  return chatTemplate.render(plain, options);
}

/** Tokens of {@link chatText}; the template writes the special tokens itself. */
export function chatPrompt(
  model: ChatModel,
  messages: readonly ChatMessage[],
  options: ChatRenderOptions = {},
): Int32Array {
  return model.tokenizer.encode(chatText(model, messages, options), { addSpecialTokens: false });
}

/** A text that encodes to no special token: those written out in it are taken apart. */
export function plainText({ specialTokens }: TextTokenizer, content: string): string {
  let text = content;
  for (const token of specialTokens.keys()) {
    if (token.length > 1 && text.includes(token))
      text = text.replaceAll(token, `${token.charAt(0)} ${token.slice(1)}`);
  }
  return text;
}
