import { DomainError } from '@openledger/kernel';
import { z } from 'zod';
import { samplingLimits } from '../../domain/sampling.js';

const NAME_CHARACTERS_MAX = 64;

/** OpenAI's `response_format`. A schema is obeyed whether it is `strict` or not. */
export const responseFormat = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({
    type: z.literal('json_schema'),
    json_schema: z.object({
      name: z.string().min(1).max(NAME_CHARACTERS_MAX),
      description: z.string().nullish(),
      schema: z.record(z.string(), z.unknown()).nullish(),
      strict: z.boolean().nullish(),
    }),
  }),
]);

const ANY_OBJECT = '{"type":"object"}';

/** The schema that the answer has to satisfy; empty for free text. @throws DomainError JSON_SCHEMA_INVALID */
export function jsonSchemaOf(format: z.infer<typeof responseFormat> | null | undefined): string {
  switch (format?.type) {
    case 'json_object':
      return ANY_OBJECT;
    case 'json_schema':
      return textOf(format.json_schema.schema);
    default:
      return '';
  }
}

function textOf(schema: Record<string, unknown> | null | undefined): string {
  if (!schema) return ANY_OBJECT;
  const text = written(schema);
  const { jsonSchemaCharacters } = samplingLimits;
  if (text.length <= jsonSchemaCharacters) return text;
  throw invalid(`A schema may have ${jsonSchemaCharacters} characters, and this one has ${text.length}.`);
}

function written(schema: Record<string, unknown>): string {
  try {
    return JSON.stringify(schema);
  } catch {
    // What was read from JSON can be written, but for the depth of the stack.
    throw invalid('This schema is nested too deeply.');
  }
}

const invalid = (message: string): DomainError =>
  new DomainError('invalid', 'JSON_SCHEMA_INVALID', message, { details: { param: 'response_format' } });
