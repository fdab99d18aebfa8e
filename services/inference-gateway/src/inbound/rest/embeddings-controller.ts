import type { ServerResponse } from 'node:http';
import { Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import { Caller, organisationOf, type Principal, RequireScope } from '@openledger/auth';
import { DomainError } from '@openledger/kernel';
import { parse } from '@openledger/service-host';
import { z } from 'zod';
import { EMBED_INPUTS_MAX, EmbedInputs } from '../../application/embed-inputs.js';
import { REQUEST_ID_HEADER } from './answer-writer.js';
import { checkBody } from './parameters.js';
import { naming } from './prompt-param.js';
import { textOrTokens, toPrompts } from './prompts.js';
import { callerGone } from './server-sent-events.js';

const EmbeddingRequest = z.object({
  model: z.string().min(1).max(512),
  input: textOrTokens(EMBED_INPUTS_MAX),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).nullish(),
  user: z.string().max(512).nullish(),
});

@Controller('v1/embeddings')
export class EmbeddingsController {
  constructor(private readonly embedInputs: EmbedInputs) {}

  @Post()
  @HttpCode(200)
  @RequireScope('inference:invoke')
  async embed(
    @Caller() caller: Principal,
    @Body() body: unknown,
    @Res({ passthrough: true }) response: ServerResponse,
  ) {
    const organisationId = organisationOf(caller);
    checkBody(body);
    const { model, input, encoding_format, dimensions } = parse(EmbeddingRequest, body);
    refuseOther(dimensions ?? this.embedInputs.dimensions, this.embedInputs.dimensions);
    const question = { organisationId, model, inputs: toPrompts(input) };
    const embedded = await naming('input', () => this.embedInputs.embed(question, callerGone(response)));
    response.setHeader(REQUEST_ID_HEADER, embedded.requestId);
    const worded = encoding_format === 'base64' ? toBase64 : (values: readonly number[]) => values;
    return {
      object: 'list',
      data: embedded.embeddings.map((values, index) => ({
        object: 'embedding',
        index,
        embedding: worded(values),
      })),
      model,
      usage: { prompt_tokens: embedded.promptTokens, total_tokens: embedded.promptTokens },
    };
  }
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
