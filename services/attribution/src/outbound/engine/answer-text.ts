import type { IncrementalDecoder } from '@openledger/transformer';

/** An answer's text, and for every token the character it begins at; one more entry for the end. */
export interface AnswerText {
  readonly text: string;
  readonly offsets: readonly number[];
}

/** A token that only begins a character ends where the character before it ended. */
export function answerText(decoder: IncrementalDecoder, tokens: readonly number[]): AnswerText {
  let text = '';
  const offsets = tokens.map((token) => {
    const start = text.length;
    text += decoder.push(token);
    return start;
  });
  text += decoder.flush();
  return { text, offsets: [...offsets, text.length] };
}
