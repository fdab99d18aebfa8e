import type { ServerResponse } from 'node:http';
import { Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import { Caller, organisationOf, type Principal, RequireScope } from '@openledger/auth';
import { parse } from '@openledger/service-host';
import { z } from 'zod';
import type { Prompt } from '../../application/ports.js';
import { AnswerWriter, type Wording } from './answer-writer.js';
import { Defaults } from './defaults.js';
import { commonParameters, deliveryOf, refuseUnsupported, samplingOf } from './parameters.js';

const TOKENS_MAX = 131_072;

const tokens = z.array(z.int().min(0)).min(1).max(TOKENS_MAX);
const CompletionRequest = z.object({
  ...commonParameters,
  /** One prompt a request: as text or as token ids, bare or as a list of one. */
  prompt: z.union([z.string(), tokens, z.array(z.union([z.string(), tokens])).length(1)]),
});

const wording: Wording = {
  prefix: 'cmpl',
  object: 'text_completion',
  chunkObject: 'text_completion',
  whole: (text, finishReason) => ({ text, finish_reason: finishReason }),
  delta: (text) => ({ text, finish_reason: null }),
  ending: (finishReason) => ({ text: '', finish_reason: finishReason }),
};

@Controller('v1/completions')
export class CompletionsController {
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
    const request = parse(CompletionRequest, body);
    const sampling = samplingOf(request, this.defaults);
    const prompt = toPrompt(request.prompt);
    const question = { organisationId, model: request.model, prompt, sampling };
    await this.writer.write(question, wording, deliveryOf(request), response);
  }
}

function toPrompt(prompt: z.infer<typeof CompletionRequest>['prompt']): Prompt {
  const [first] = prompt;
  const one = typeof prompt === 'string' || typeof first === 'number' ? prompt : first;
  return typeof one === 'string'
    ? { kind: 'text', text: one }
    : { kind: 'tokens', tokens: tokens.parse(one) };
}
