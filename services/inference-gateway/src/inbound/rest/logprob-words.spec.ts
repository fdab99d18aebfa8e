import { Vocabulary } from '../vocabulary.js';
import { chatLogprobs, completionLogprobs } from './logprob-words.js';

const texts = ['he', 'llo', '…', ''];
const vocabulary = new Vocabulary({
  // Token 4 is the first two bytes of an ellipsis.
  tokenBytes: (token) => (token === 4 ? Uint8Array.of(0xe2, 0x80) : Buffer.from(texts[token] ?? '')),
});
const alone = (token: number, logprob: number) => ({ token, logprob, top: [] });

describe('chatLogprobs', () => {
  it('tells text, bytes and the likeliest beside it', () => {
    const words = chatLogprobs(vocabulary);
    expect(words([{ ...alone(2, -0.1), top: [alone(2, -0.1), alone(4, -3)] }])).toEqual({
      content: [
        {
          token: '…',
          logprob: -0.1,
          bytes: [0xe2, 0x80, 0xa6],
          top_logprobs: [
            { token: '…', logprob: -0.1, bytes: [0xe2, 0x80, 0xa6] },
            { token: 'bytes:\\xe2\\x80', logprob: -3, bytes: [0xe2, 0x80] },
          ],
        },
      ],
      refusal: null,
    });
  });

  it('tells what never happens as a number', () => {
    const [told] = (chatLogprobs(vocabulary)([alone(0, Number.NEGATIVE_INFINITY)]) as { content: object[] })
      .content;
    expect(told).toMatchObject({ logprob: -9_999 });
  });
});

describe('completionLogprobs', () => {
  it('goes on counting offsets from part to part, and tells the token itself among the likeliest', () => {
    const words = completionLogprobs(vocabulary);
    expect(words([alone(0, -1), { ...alone(1, -2), top: [alone(3, -0.5)] }])).toEqual({
      tokens: ['he', 'llo'],
      token_logprobs: [-1, -2],
      top_logprobs: [{ he: -1 }, { '': -0.5, llo: -2 }],
      text_offset: [0, 2],
    });
    expect(words([alone(2, -1)])).toMatchObject({ text_offset: [5] });
    expect(completionLogprobs(vocabulary)([alone(2, -1)])).toMatchObject({ text_offset: [0] });
  });
});
