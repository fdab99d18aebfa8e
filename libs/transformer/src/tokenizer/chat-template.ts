import { Template } from '@huggingface/jinja';
import { DomainError } from '@openledger/kernel';

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

export interface ChatRenderOptions {
  /** Ends with the opening of an answer. Default true. */
  readonly addGenerationPrompt?: boolean;
}

/** A model's chat template (Jinja, as in `tokenizer_config.json`). */
export class ChatTemplate {
  readonly #template: Template;

  /** @param variables `bos_token`, `eos_token` and the like. */
  constructor(
    source: string,
    private readonly variables: Readonly<Record<string, string>>,
  ) {
    try {
      this.#template = new Template(source);
    } catch (cause) {
      throw new DomainError('invalid', 'UNSUPPORTED_CHAT_TEMPLATE', 'The chat template cannot be parsed.', {
        cause,
      });
    }
  }

  /** The prompt of a conversation; encode it without adding special tokens, for it holds them already. */
  render(messages: readonly ChatMessage[], options: ChatRenderOptions = {}): string {
    try {
      return this.#template.render({
        ...this.variables,
        messages: messages.map(({ role, content }) => ({ role, content })),
        add_generation_prompt: options.addGenerationPrompt ?? true,
      });
    } catch (cause) {
      // Templates refuse what their model was not trained on, e.g. two messages of one role in a row.
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new DomainError(
        'invalid',
        'CHAT_NOT_RENDERABLE',
        `The chat template refuses these messages: ${reason}.`,
        {
          cause,
        },
      );
    }
  }
}
