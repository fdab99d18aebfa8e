import { DomainError } from '@openledger/kernel';
import { type ChatModel, chatText, plainText } from './chat-prompt.js';
import type { ChatMessage } from './chat-template.js';
import type { TextTokenizer } from './text-tokenizer.js';

/** Positions of one retrieved chunk, its frame included, among the tokens of a prompt; end exclusive. */
export interface ChunkRange {
  readonly start: number;
  readonly end: number;
}

/** A prompt and where in it each chunk stands, in the order given. */
export interface ContextPrompt {
  readonly tokens: readonly number[];
  readonly ranges: readonly ChunkRange[];
}

const OPENING = 'Context:\n';
const CLOSING = '\n\n';

/**
 * A conversation whose last question comes after retrieved chunks, each framed as `Context:\n<text>\n\n`. The chunks
 * open the last message of the user, because every chat template has such messages. The prompt is encoded in
 * pieces (what is before the chunks, each chunk, what is after), so a chunk is a range of whole tokens, and the tokens
 * without it are those of the same prompt built without it.
 *
 * @throws DomainError NO_CHAT_TEMPLATE, CHAT_NOT_RENDERABLE, CONTEXT_UNSUPPORTED
 */
export function chatContextPrompt(
  model: ChatModel,
  messages: readonly ChatMessage[],
  chunks: readonly string[],
): ContextPrompt {
  const { tokenizer } = model;
  const question = messages.findLastIndex(({ role }) => role === 'user');
  if (question < 0) throw unsupported('Retrieved chunks need a message of the user to stand in.');
  const mark = unusedCharacter(messages);
  const marked = messages.map(({ role, content }, i) => ({
    role,
    // Templates trim messages; what is trimmed here is trimmed whether there are chunks or not.
    content: i === question ? mark + content.trimStart() : content,
  }));
  const [head, tail, ...more] = chatText(model, marked).split(mark);
  if (head === undefined || tail === undefined || more.length > 0)
    throw unsupported('The chat template of this model has no single place for retrieved chunks.');
  // The template writes the special tokens itself.
  const encode = (text: string) => tokenizer.encode(text, { addSpecialTokens: false });
  return joined(encode(head), chunkPieces(tokenizer, chunks), encode(tail));
}

/**
 * The same for plain text: chunks come before it, after the tokens that the tokenizer puts before every text.
 *
 * @throws DomainError CONTEXT_UNSUPPORTED
 */
export function textContextPrompt(
  tokenizer: TextTokenizer,
  text: string,
  chunks: readonly string[],
): ContextPrompt {
  const framed = tokenizer.encode(text);
  const plain = tokenizer.encode(text, { addSpecialTokens: false });
  const head = framed.subarray(0, framed.length - plain.length);
  if (plain.some((token, i) => framed[head.length + i] !== token))
    throw unsupported('The tokenizer of this model ends texts with tokens of its own: use chat completions.');
  return joined(head, chunkPieces(tokenizer, chunks), plain);
}

/** The text of a chunk from its tokens; undefined where they have no frame. */
export function contextChunkText(tokenizer: TextTokenizer, tokens: ArrayLike<number>): string | undefined {
  // SentencePiece decoders give back the space that encoding put before the first word.
  const text = tokenizer.decode(tokens, { keepSpecialTokens: true }).trimStart();
  const isFramed = text.startsWith(OPENING) && text.endsWith(CLOSING);
  return isFramed ? text.slice(OPENING.length, -CLOSING.length) : undefined;
}

/** Chunks are data: special tokens written out in them are taken apart, as in messages. */
const chunkPieces = (tokenizer: TextTokenizer, chunks: readonly string[]): Int32Array[] =>
  chunks.map((chunk) =>
    tokenizer.encode(`${OPENING}${plainText(tokenizer, chunk.trim())}${CLOSING}`, {
      addSpecialTokens: false,
    }),
  );

function joined(head: Int32Array, pieces: readonly Int32Array[], tail: Int32Array): ContextPrompt {
  const tokens = [...head];
  const ranges = pieces.map((piece) => {
    const start = tokens.length;
    tokens.push(...piece);
    return { start, end: tokens.length };
  });
  return { tokens: [...tokens, ...tail], ranges };
}

/** The first character for private use (U+E000 to U+F8FF) that stands in no message. */
function unusedCharacter(messages: readonly ChatMessage[]): string {
  const used = new Set(messages.flatMap(({ content }) => content.match(/[\ue000-\uf8ff]/g) ?? []));
  for (let code = 0xe000; code <= 0xf8ff; code += 1) {
    const character = String.fromCharCode(code);
    if (!used.has(character)) return character;
  }
  throw unsupported('The messages use every character for private use: leave one out.');
}

const unsupported = (message: string): DomainError =>
  new DomainError('invalid', 'CONTEXT_UNSUPPORTED', message);
