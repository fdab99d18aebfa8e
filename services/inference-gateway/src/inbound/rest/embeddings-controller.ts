import type { ServerResponse } from 'node:http';
import { Body, Controller, Headers, HttpCode, Post, Res } from '@nestjs/common';
import { Caller, type Principal, RequireScope } from '@openledger/auth';
import { DomainError, type Json } from '@openledger/kernel';
import { parse } from '@openledger/service-host';
import { z } from 'zod';
import { EMBED_INPUTS_MAX, type EmbeddedInputs, EmbedInputs } from '../../application/embed-inputs.js';
import { RateLimits } from '../../application/rate-limits.js';
import { toPayer } from '../payer.js';
import { REQUEST_ID_HEADER } from './answer-writer.js';
import { checkBody } from './parameters.js';
import { naming } from './prompt-param.js';
import { textOrTokens, toPrompts } from './prompts.js';
import { Replies } from './replies.js';
import { tellLimits } from './response-headers.js';

const EmbeddingRequest = z.object({
  model: z.string().min(1).max(512),
  input: textOrTokens(EMBED_INPUTS_MAX),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).nullish(),
  user: z.string().max(512).nullish(),
});

@Controller('v1/embeddings')
export class EmbeddingsController {
  constructor(
    private readonly embedInputs: EmbedInputs,
    private readonly replies: Replies,
    private readonly rateLimits: RateLimits,
  ) {}

  @Post()
  @HttpCode(200)
  @RequireScope('inference:invoke')
  async embed(
    @Caller() caller: Principal,
    @Body() body: unknown,
    @Headers('idempotency-key') key: string | undefined,
    @Res() response: ServerResponse,
  ): Promise<void> {
    const payer = toPayer(caller);
    checkBody(body);
    const { model, input, encoding_format, dimensions } = parse(EmbeddingRequest, body);
    refuseOther(dimensions ?? this.embedInputs.dimensions, this.embedInputs.dimensions);
    const question = { payer, model, inputs: toPrompts(input) };
    const to = { organisationId: payer.organisationId, key, route: '/v1/embeddings', body: body as Json };
    await this.replies.give(to, response, async ({ gone }) => {
      const embedded = await naming('input', () => this.embedInputs.embed(question, gone)).finally(() =>
        tellLimits(response, this.rateLimits.state(payer)),
      );
      response.setHeader(REQUEST_ID_HEADER, embedded.requestId);
      response.setHeader('content-type', 'application/json; charset=utf-8');
      response.statusCode = 200;
      response.end(JSON.stringify(wordedAs(encoding_format, model, embedded)));
    });
  }
}

function wordedAs(
  format: 'float' | 'base64' | null | undefined,
  model: string,
  { embeddings, promptTokens }: EmbeddedInputs,
): object {
  const worded = format === 'base64' ? toBase64 : (values: readonly number[]) => values;
  return {
    object: 'list',
    data: embeddings.map((values, index) => ({ object: 'embedding', index, embedding: worded(values) })),
    model,
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
  };
}

function refuseOther(dimensions: number, own: number): void {
  if (dimensions === own) return;
  throw new DomainError(
    'invalid',
    'UNSUPPORTED_PARAMETER',
    `The embeddings of this model have ${own} dimensions: leave "dimensions" out.`,
    { details: { param: 'dimensions' } },
  );
}

/** Little-endian 32-bit floats, as OpenAI's clients ask for them. */
function toBase64(values: readonly number[]): string {
  const bytes = Buffer.alloc(values.length * Float32Array.BYTES_PER_ELEMENT);
  for (const [i, value] of values.entries()) bytes.writeFloatLE(value, i * Float32Array.BYTES_PER_ELEMENT);
  return bytes.toString('base64');
}
