import type { ServerResponse } from 'node:http';
import { Body, Controller, Headers, HttpCode, Post, Res } from '@nestjs/common';
import { Caller, type Principal, RequireScope } from '@openledger/auth';
import { DomainError, type Json } from '@openledger/kernel';
import { parse } from '@openledger/service-host';
import { z } from 'zod';
import type { ChatMessage } from '../../application/ports.js';
import { samplingLimits } from '../../domain/sampling.js';
import { toPayer } from '../payer.js';
import { Vocabulary } from '../vocabulary.js';
import { AnswerWriter, type Wording } from './answer-writer.js';
import { contextOf, contextParameter } from './context-param.js';
import { Defaults } from './defaults.js';
import { chatLogprobs } from './logprob-words.js';
import { checkBody, commonParameters, deliveryOf, samplingOf } from './parameters.js';
import { Replies } from './replies.js';

const MESSAGES_MAX = 1_000;
const PARTS_MAX = 100;

const textPart = z.object({ type: z.literal('text'), text: z.string() });
const message = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: z.union([z.string(), z.array(textPart).max(PARTS_MAX)]),
});
const ChatRequest = z.object({
  ...commonParameters,
  messages: z.array(message).min(1).max(MESSAGES_MAX),
  context: contextParameter,
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(samplingLimits.topLogprobs).nullish(),
});

const wordingWith = (vocabulary: Vocabulary): Wording => ({
  prefix: 'chatcmpl',
  promptParam: 'messages',
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  whole: (content, finishReason) => ({
    message: { role: 'assistant', content, refusal: null },
    finish_reason: finishReason,
  }),
  opening: () => ({ delta: { role: 'assistant', content: '' }, finish_reason: null }),
  delta: (content) => ({ delta: { content }, finish_reason: null }),
  ending: (finishReason) => ({ delta: {}, finish_reason: finishReason }),
  logprobs: () => chatLogprobs(vocabulary),
});

@Controller('v1/chat/completions')
export class ChatController {
  private readonly wording: Wording;

  constructor(
    private readonly writer: AnswerWriter,
    private readonly replies: Replies,
    private readonly defaults: Defaults,
    vocabulary: Vocabulary,
  ) {
    this.wording = wordingWith(vocabulary);
  }

  @Post()
  @HttpCode(200)
  @RequireScope('inference:invoke')
  async complete(
    @Caller() caller: Principal,
    @Body() body: unknown,
    @Headers('idempotency-key') key: string | undefined,
    @Res() response: ServerResponse,
  ): Promise<void> {
    const payer = toPayer(caller);
    checkBody(body);
    const request = parse(ChatRequest, body);
    const asked = {
      payer,
      model: request.model,
      prompts: [
        {
          kind: 'chat' as const,
          messages: request.messages.map(toMessage),
          context: contextOf(request.context),
        },
      ],
      choices: request.n ?? 1,
      sampling: samplingOf(request, this.defaults, topLogprobsOf(request)),
    };
    const to = {
      organisationId: payer.organisationId,
      key,
      route: '/v1/chat/completions',
      body: body as Json,
    };
    await this.replies.give(to, response, (reply) =>
      this.writer.write(asked, this.wording, deliveryOf(request), reply),
    );
  }
}

function topLogprobsOf({ logprobs, top_logprobs }: z.infer<typeof ChatRequest>): number | undefined {
  if (logprobs) return top_logprobs ?? 0;
  if (!top_logprobs) return undefined;
  const message = '"top_logprobs" needs "logprobs": true.';
  throw new DomainError('invalid', 'REQUEST_INVALID', message, { details: { param: 'top_logprobs' } });
}

/** `developer` is the newer name of `system`; parts of text read as one text. */
const toMessage = ({ role, content }: z.infer<typeof message>): ChatMessage => ({
  role: role === 'developer' ? 'system' : role,
  content: typeof content === 'string' ? content : content.map(({ text }) => text).join(''),
});
