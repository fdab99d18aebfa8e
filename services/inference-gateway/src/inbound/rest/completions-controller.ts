import type { ServerResponse } from 'node:http';
import { Body, Controller, Headers, HttpCode, Post, Res } from '@nestjs/common';
import { Caller, type Principal, RequireScope } from '@openledger/auth';
import { DomainError, type Json } from '@openledger/kernel';
import { parse } from '@openledger/service-host';
import { z } from 'zod';
import { RUNS_MAX } from '../../application/answer-prompts.js';
import { samplingLimits } from '../../domain/sampling.js';
import { toPayer } from '../payer.js';
import { Vocabulary } from '../vocabulary.js';
import { AnswerWriter, type Wording } from './answer-writer.js';
import { contextOf, contextParameter } from './context-param.js';
import { Defaults } from './defaults.js';
import { completionLogprobs } from './logprob-words.js';
import { checkBody, commonParameters, deliveryOf, samplingOf } from './parameters.js';
import { textOrTokens, toPrompts, withContext } from './prompts.js';
import { Replies } from './replies.js';

const CompletionRequest = z.object({
  ...commonParameters,
  prompt: textOrTokens(RUNS_MAX),
  context: contextParameter,
  logprobs: z.int().min(0).max(samplingLimits.topLogprobs).nullish(),
});

const wordingWith = (vocabulary: Vocabulary): Wording => ({
  prefix: 'cmpl',
  promptParam: 'prompt',
  object: 'text_completion',
  chunkObject: 'text_completion',
  whole: (text, finishReason) => ({ text, finish_reason: finishReason }),
  delta: (text) => ({ text, finish_reason: null }),
  ending: (finishReason) => ({ text: '', finish_reason: finishReason }),
  logprobs: () => completionLogprobs(vocabulary),
});

@Controller('v1/completions')
export class CompletionsController {
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
    const request = parse(CompletionRequest, body);
    const prompts = withContext(toPrompts(request.prompt), contextOf(request.context));
    const choices = request.n ?? 1;
    if (prompts.length * choices > RUNS_MAX) throw tooMany(prompts.length, choices);
    const sampling = samplingOf(request, this.defaults, request.logprobs ?? undefined);
    const asked = { payer, model: request.model, prompts, choices, sampling };
    const to = { organisationId: payer.organisationId, key, route: '/v1/completions', body: body as Json };
    await this.replies.give(to, response, (reply) =>
      this.writer.write(asked, this.wording, deliveryOf(request), reply),
    );
  }
}

const tooMany = (prompts: number, choices: number): DomainError =>
  new DomainError(
    'invalid',
    'REQUEST_INVALID',
    `${prompts} prompts with ${choices} choices each are more than the ${RUNS_MAX} answers that a request may have.`,
    { details: { param: 'prompt' } },
  );
