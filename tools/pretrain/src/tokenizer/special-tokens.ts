/** Tokens that are never split; their ids are their places in this list. */
export const specialTokens = {
  endOfText: '<|endoftext|>',
  pad: '<|pad|>',
  system: '<|system|>',
  user: '<|user|>',
  assistant: '<|assistant|>',
  end: '<|end|>',
} as const;
