import type { ServerResponse } from 'node:http';
import { Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import { Caller, organisationOf, type Principal, RequireScope } from '@openledger/auth';
import { parse } from '@openledger/service-host';
import { z } from 'zod';
import type { ChatMessage } from '../../application/ports.js';
import { AnswerWriter, type Wording } from './answer-writer.js';
import { Defaults } from './defaults.js';
import { commonParameters, deliveryOf, refuseUnsupported, samplingOf } from './parameters.js';

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
});

const wording: Wording = {
  prefix: 'chatcmpl',
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  whole: (content, finishReason) => ({
    message: { role: 'assistant', content, refusal: null },
    finish_reason: finishReason,
  }),
  opening: () => ({ delta: { role: 'assistant', content: '' }, finish_reason: null }),
  delta: (content) => ({ delta: { content }, finish_reason: null }),
  ending: (finishReason) => ({ delta: {}, finish_reason: finishReason }),
};

@Controller('v1/chat/completions')
export class ChatController {
  constructor(
    private readonly writer: AnswerWriter,
    private readonly defaults: Defaults,
  ) {}

  @Post()
  @HttpCode(200)
  @RequireScope('inference:invoke')
  async complete(
    @Caller() caller: Principal,
    @Body() body: unknown,
    @Res() response: ServerResponse,
  ): Promise<void> {
    const organisationId = organisationOf(caller);
    refuseUnsupported(body);
    const request = parse(ChatRequest, body);
    const sampling = samplingOf(request, this.defaults);
    const prompt = { kind: 'chat' as const, messages: request.messages.map(toMessage) };
    const question = { organisationId, model: request.model, prompt, sampling };
    await this.writer.write(question, wording, deliveryOf(request), response);
  }
}

/** `developer` is the newer name of `system`; parts of text read as one text. */
const toMessage = ({ role, content }: z.infer<typeof message>): ChatMessage => ({
  role: role === 'developer' ? 'system' : role,
  content: typeof content === 'string' ? content : content.map(({ text }) => text).join(''),
});
