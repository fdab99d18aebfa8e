import type { TokenLogprob } from '../../application/ports.js';
import type { Vocabulary } from '../vocabulary.js';

/** Words the log-probabilities of a choice, part by part. */
export type LogprobWords = (tokens: readonly TokenLogprob[]) => object;

/** As in `/v1/chat/completions`: `logprobs.content`. */
export function chatLogprobs(vocabulary: Vocabulary): LogprobWords {
  const one = ({ token, logprob }: TokenLogprob) => ({
    token: vocabulary.text(token),
    logprob: finite(logprob),
    bytes: vocabulary.bytes(token),
  });
  return (tokens) => ({
    content: tokens.map((token) => ({ ...one(token), top_logprobs: token.top.map(one) })),
    refusal: null,
  });
}

/** As in `/v1/completions`: lists side by side, offsets into the choice's text. */
export function completionLogprobs(vocabulary: Vocabulary): LogprobWords {
  let offset = 0;
  return (tokens) => {
    const texts = tokens.map(({ token }) => vocabulary.text(token));
    return {
      tokens: texts,
      token_logprobs: tokens.map(({ logprob }) => finite(logprob)),
      // The token itself is always among them, so there may be one more than was asked for.
      top_logprobs: tokens.map((token) =>
        Object.fromEntries(
          [...token.top, token].map((one) => [vocabulary.text(one.token), finite(one.logprob)]),
        ),
      ),
      text_offset: texts.map((text) => {
        const start = offset;
        offset += text.length;
        return start;
      }),
    };
  };
}

/** JSON has no infinity; OpenAI's stand-in for "as good as never". */
const NEVER = -9_999;
const finite = (logprob: number): number => (Number.isFinite(logprob) ? logprob : NEVER);
