import { type Host, INTERNAL, openAiBody, toRefusal } from '@openledger/service-host';
import type { Answer, AnswerPrompts, Asked, ChoicePiece } from '../../application/answer-prompts.js';
import type { AnswerEnd } from '../../application/answer-question.js';
import type { TokenLogprob } from '../../application/ports.js';
import type { RateLimits } from '../../application/rate-limits.js';
import type { LogprobWords } from './logprob-words.js';
import { naming } from './prompt-param.js';
import type { Reply } from './replies.js';
import { tellLimits } from './response-headers.js';
import { ServerSentEvents } from './server-sent-events.js';

/** How one of the two routes words its answers. */
export interface Wording {
  /** Prefix of the answer's id: `chatcmpl`, `cmpl`. */
  readonly prefix: string;
  /** The parameter that holds what is to be answered. */
  readonly promptParam: string;
  /** `object` of a whole answer and of a part of a streamed one. */
  readonly object: string;
  readonly chunkObject: string;
  /** Choices for a whole answer; for the opening of a stream; for new text; for its end. */
  readonly whole: (text: string, finishReason: string) => object;
  readonly opening?: () => object;
  readonly delta: (text: string) => object;
  readonly ending: (finishReason: string) => object;
  /** New for each choice. */
  readonly logprobs: () => LogprobWords;
}

export interface Delivery {
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

/** By these ids, one for each choice, the caller finds attributions and receipts. */
export const REQUEST_ID_HEADER = 'x-openledger-request-id';

export interface AnswerWriterOptions {
  readonly log: Host['log'];
  /** How long a caller may leave a stream unread. */
  readonly readerTimeoutMs: number;
  readonly rateLimits: RateLimits;
}

/** Asks, and writes the answer in OpenAI's words, whole or streamed. */
export class AnswerWriter {
  constructor(
    private readonly answers: AnswerPrompts,
    private readonly options: AnswerWriterOptions,
  ) {}

  async write(asked: Asked, wording: Wording, delivery: Delivery, { response, gone }: Reply): Promise<void> {
    const answer = await naming(wording.promptParam, () => this.answers.begin(asked, gone)).finally(() =>
      tellLimits(response, this.options.rateLimits.state(asked.payer)),
    );
    response.setHeader(REQUEST_ID_HEADER, answer.requestIds.join(', '));
    const frame = frameOf(answer, asked.model, wording);
    if (delivery.stream) {
      const events = new ServerSentEvents(response, gone, this.options.readerTimeoutMs);
      await this.stream(answer, { frame, wording, includeUsage: delivery.includeUsage }, events);
    } else {
      const choices = await collect(answer);
      response.statusCode = 200;
      response.setHeader('content-type', 'application/json; charset=utf-8');
      response.end(JSON.stringify(wholeBody(frame(wording.object), wording, choices)));
    }
  }

  private async stream(answer: Answer, options: StreamOptions, events: ServerSentEvents): Promise<void> {
    const { frame, wording, includeUsage } = options;
    const send = (choices: readonly object[], usage: object | null = null) =>
      events.send({ ...frame(wording.chunkObject), choices, ...(includeUsage ? { usage } : {}) });
    const writers = answer.requestIds.map((_, index) => new ChoiceWriter(index, wording));
    const ends: AnswerEnd[] = [];
    events.open();
    try {
      for await (const piece of answer.pieces) {
        for (const choice of writers[piece.choice]?.chunks(piece) ?? []) await send([choice]);
        if (piece.end) ends.push(piece.end);
      }
      if (includeUsage) await send([], usageOf(ends));
      await events.close();
    } catch (error) {
      const refusal = toRefusal(error);
      if (!refusal) this.options.log.error({ err: error, requestIds: answer.requestIds }, 'answer failed');
      await events.fail(openAiBody(refusal ?? INTERNAL));
    }
  }
}

interface StreamOptions {
  readonly frame: (object: string) => object;
  readonly wording: Wording;
  readonly includeUsage: boolean;
}

/** Words the stream of one choice. */
class ChoiceWriter {
  private readonly logprobs: LogprobWords;
  private opened = false;

  constructor(
    private readonly index: number,
    private readonly wording: Wording,
  ) {
    this.logprobs = wording.logprobs();
  }

  *chunks({ text, logprobs, finishReason }: ChoicePiece): Generator<object> {
    const { wording } = this;
    if (!this.opened && wording.opening) yield this.chunk(wording.opening());
    this.opened = true;
    if (text !== '' || logprobs.length > 0) yield this.chunk(wording.delta(text), logprobs);
    if (finishReason !== undefined) yield this.chunk(wording.ending(finishReason));
  }

  private chunk(choice: object, logprobs: readonly TokenLogprob[] = []): object {
    return {
      index: this.index,
      logprobs: logprobs.length > 0 ? this.logprobs(logprobs) : null,
      ...choice,
    };
  }
}

const frameOf =
  ({ requestIds, model, askedAt }: Answer, name: string, { prefix }: Wording) =>
  (object: string) => ({
    id: `${prefix}-${requestIds[0]}`,
    object,
    created: Math.floor(askedAt.getTime() / 1_000),
    model: name,
    // OpenAI's word for "same fingerprint and seed: same answer".
    system_fingerprint: `fp_${(model.adapter?.digest ?? model.baseDigest).slice(0, 12)}`,
  });

interface WholeChoice {
  text: string;
  readonly logprobs: TokenLogprob[];
  end?: AnswerEnd;
}

async function collect(answer: Answer): Promise<WholeChoice[]> {
  const choices = answer.requestIds.map((): WholeChoice => ({ text: '', logprobs: [] }));
  for await (const { choice, text, logprobs, end } of answer.pieces) {
    const whole = choices[choice];
    if (!whole) continue;
    whole.text += text;
    whole.logprobs.push(...logprobs);
    if (end) whole.end = end;
  }
  return choices;
}

const wholeBody = (frame: object, wording: Wording, choices: readonly WholeChoice[]) => ({
  ...frame,
  choices: choices.map(({ text, logprobs, end }, index) => ({
    index,
    logprobs: logprobs.length > 0 ? wording.logprobs()(logprobs) : null,
    ...wording.whole(text, end?.finishReason ?? 'stop'),
  })),
  usage: usageOf(choices.flatMap(({ end }) => (end ? [end] : []))),
});

function usageOf(ends: readonly AnswerEnd[]) {
  const sum = (of: (end: AnswerEnd) => number) => ends.reduce((total, end) => total + of(end), 0);
  const promptTokens = sum((end) => end.promptTokens);
  const completionTokens = sum((end) => end.completionTokens);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: sum((end) => end.cachedTokens) },
  };
}
