import type { ServerResponse } from 'node:http';
import { type Host, INTERNAL, openAiBody, toRefusal } from '@openledger/service-host';
import type { Answer, AnswerEnd, AnswerQuestion, Question } from '../../application/answer-question.js';
import { callerGone, ServerSentEvents } from './server-sent-events.js';

/** How one of the two routes words its answers. */
export interface Wording {
  /** Prefix of the answer's id: `chatcmpl`, `cmpl`. */
  readonly prefix: string;
  /** `object` of a whole answer and of a part of a streamed one. */
  readonly object: string;
  readonly chunkObject: string;
  /** Choices for a whole answer; for the opening of a stream; for new text; for its end. */
  readonly whole: (text: string, finishReason: string) => object;
  readonly opening?: () => object;
  readonly delta: (text: string) => object;
  readonly ending: (finishReason: string) => object;
}

export interface Delivery {
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

/** By this id the caller finds the answer's attribution and receipt. */
const REQUEST_ID_HEADER = 'x-openledger-request-id';

/** Asks, and writes the answer in OpenAI's words, whole or streamed. */
export class AnswerWriter {
  constructor(
    private readonly answers: AnswerQuestion,
    private readonly log: Host['log'],
  ) {}

  async write(
    question: Question,
    wording: Wording,
    delivery: Delivery,
    response: ServerResponse,
  ): Promise<void> {
    const gone = callerGone(response);
    const begun = performance.now();
    const answer = await this.answers.begin(question, gone);
    response.setHeader(REQUEST_ID_HEADER, answer.requestId);
    response.setHeader('openai-processing-ms', String(Math.round(performance.now() - begun)));
    const frame = frameOf(answer, question.model, wording);
    if (delivery.stream) {
      const events = new ServerSentEvents(response, gone);
      await this.stream(answer, { frame, wording, includeUsage: delivery.includeUsage }, events);
    } else {
      const whole = await collect(answer);
      response.statusCode = 200;
      response.setHeader('content-type', 'application/json; charset=utf-8');
      response.end(JSON.stringify(wholeBody(frame(wording.object), wording, whole)));
    }
  }

  private async stream(answer: Answer, options: StreamOptions, events: ServerSentEvents): Promise<void> {
    const { wording, includeUsage } = options;
    const chunk = (choice: object | undefined, usage: object | null = null) =>
      events.send({
        ...options.frame(wording.chunkObject),
        choices: choice ? [{ index: 0, logprobs: null, ...choice }] : [],
        ...(includeUsage ? { usage } : {}),
      });
    events.open();
    try {
      let opened = false;
      for await (const { text, end } of answer.pieces) {
        if (!opened && wording.opening) await chunk(wording.opening());
        opened = true;
        if (text !== '') await chunk(wording.delta(text));
        if (end) await chunk(wording.ending(end.finishReason));
        if (end && includeUsage) await chunk(undefined, usageOf(end));
      }
      await events.close();
    } catch (error) {
      const refusal = toRefusal(error);
      if (!refusal) this.log.error({ err: error, requestId: answer.requestId }, 'answer failed');
      await events.fail(openAiBody(refusal ?? INTERNAL));
    }
  }
}

interface StreamOptions {
  readonly frame: (object: string) => object;
  readonly wording: Wording;
  readonly includeUsage: boolean;
}

const frameOf =
  ({ requestId, model, startedAt }: Answer, name: string, { prefix }: Wording) =>
  (object: string) => ({
    id: `${prefix}-${requestId}`,
    object,
    created: Math.floor(startedAt.getTime() / 1_000),
    model: name,
    // OpenAI's word for "same fingerprint and seed: same answer".
    system_fingerprint: `fp_${(model.adapter?.digest ?? model.baseDigest).slice(0, 12)}`,
  });

async function collect(answer: Answer): Promise<{ text: string; end: AnswerEnd }> {
  let text = '';
  let end: AnswerEnd = { finishReason: 'stop', promptTokens: 0, completionTokens: 0 };
  for await (const piece of answer.pieces) {
    text += piece.text;
    end = piece.end ?? end;
  }
  return { text, end };
}

const wholeBody = (frame: object, wording: Wording, { text, end }: { text: string; end: AnswerEnd }) => ({
  ...frame,
  choices: [{ index: 0, logprobs: null, ...wording.whole(text, end.finishReason) }],
  usage: usageOf(end),
});

const usageOf = ({ promptTokens, completionTokens }: AnswerEnd) => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
  prompt_tokens_details: { cached_tokens: 0 },
});
