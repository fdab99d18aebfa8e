import { DomainError } from '@openledger/kernel';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { z } from 'zod';

const Models = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      parent: z.string().nullish(),
      max_model_len: z.number().nullish(),
    }),
  ),
});

const LogprobTable = z.record(z.string(), z.number());

const Chunk = z.object({
  choices: z.array(
    z.object({
      text: z.string(),
      token_ids: z.array(z.int()).nullish(),
      logprobs: z
        .object({
          tokens: z.array(z.string()),
          token_logprobs: z.array(z.number().nullable()),
          top_logprobs: z.array(LogprobTable.nullable()).nullish(),
        })
        .nullish(),
      finish_reason: z.string().nullish(),
    }),
  ),
  usage: z
    .object({ prompt_tokens_details: z.object({ cached_tokens: z.int().nullish() }).nullish() })
    .nullish(),
});

export type VllmChunk = z.infer<typeof Chunk>;

/** Upstream speaks of a failure either bare or wrapped in `error`. */
const Failure = z.union([
  z.object({ error: z.object({ message: z.string() }) }).transform(({ error }) => error.message),
  z.object({ message: z.string() }).transform(({ message }) => message),
]);

export interface VllmModel {
  readonly id: string;
  readonly contextTokens: number;
  /** Names of adapters that are loaded already. */
  readonly adapters: readonly string[];
}

export interface VllmServerOptions {
  /** Such as http://127.0.0.1:8000. */
  readonly url: string;
  readonly apiKey: string;
}

const ADMIN_TIMEOUT_MS = 120_000;
const HEALTH_TIMEOUT_MS = 2_000;
const MESSAGE_LENGTH_MAX = 500;

/** An upstream vLLM: its OpenAI API and its runtime LoRA endpoints (docs.vllm.ai, features/lora). */
export class VllmServer {
  constructor(private readonly options: VllmServerOptions) {}

  async isHealthy(): Promise<boolean> {
    const signal = AbortSignal.timeout(HEALTH_TIMEOUT_MS);
    return this.request('GET', '/health', { signal }).then(
      () => true,
      () => false,
    );
  }

  /** @throws DomainError VLLM_UNAVAILABLE, VLLM_UNEXPECTED */
  async model(): Promise<VllmModel> {
    const response = await this.request('GET', '/v1/models', {
      signal: AbortSignal.timeout(ADMIN_TIMEOUT_MS),
    });
    const parsed = Models.safeParse(await response.json().catch(() => undefined));
    const base = parsed.data?.data.find(({ parent }) => !parent);
    if (!base?.max_model_len) throw unexpected('its model list has no base model');
    const adapters = parsed.data?.data.filter(({ parent }) => parent).map(({ id }) => id) ?? [];
    return { id: base.id, contextTokens: base.max_model_len, adapters };
  }

  /**
   * One completion, part by part, to the end.
   *
   * @throws DomainError VLLM_UNAVAILABLE, VLLM_REFUSED, VLLM_MODEL_UNKNOWN, VLLM_UNEXPECTED
   */
  async *complete(body: object, signal: AbortSignal): AsyncGenerator<VllmChunk> {
    const response = await this.request('POST', '/v1/completions', { body, signal });
    if (!response.body) throw unexpected('it answered without a body');
    const events = response.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream());
    for await (const { data } of events) {
      if (data === '[DONE]') return;
      const json: unknown = JSON.parse(data);
      const failure = Failure.safeParse(json);
      if (failure.success) throw refused(failure.data);
      const chunk = Chunk.safeParse(json);
      if (!chunk.success) throw unexpected('it sent something that is no part of a completion');
      yield chunk.data;
    }
    throw unavailable('it broke off in the middle of an answer');
  }

  /** @throws DomainError VLLM_REFUSED where the server cannot load it */
  async loadAdapter(name: string, folder: string): Promise<void> {
    await this.admin('/v1/load_lora_adapter', { lora_name: name, lora_path: folder });
  }

  async unloadAdapter(name: string): Promise<void> {
    await this.admin('/v1/unload_lora_adapter', { lora_name: name });
  }

  private async admin(path: string, body: object): Promise<void> {
    const response = await this.request('POST', path, {
      body,
      signal: AbortSignal.timeout(ADMIN_TIMEOUT_MS),
    });
    await response.text();
  }

  private async request(
    method: string,
    path: string,
    { body, signal }: { readonly body?: object; readonly signal: AbortSignal },
  ): Promise<Response> {
    const headers: Record<string, string> = body ? { 'content-type': 'application/json' } : {};
    if (this.options.apiKey !== '') headers.authorization = `Bearer ${this.options.apiKey}`;
    const content = body ? { body: JSON.stringify(body) } : {};
    const response = await fetch(new URL(path, this.options.url), {
      method,
      headers,
      signal,
      ...content,
    }).catch((cause: unknown) => {
      throw signal.aborted ? cause : unavailable('it does not answer', cause);
    });
    if (response.ok) return response;
    const text = await response.text();
    if (response.status >= 500) throw unavailable(messageIn(text));
    throw response.status === 404 ? unknownModel(messageIn(text)) : refused(messageIn(text));
  }
}

function messageIn(text: string): string {
  const parsed = Failure.safeParse(parsedJson(text));
  return (parsed.success ? parsed.data : text).slice(0, MESSAGE_LENGTH_MAX);
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const unavailable = (why: string, cause?: unknown): DomainError =>
  new DomainError('unavailable', 'VLLM_UNAVAILABLE', `The vLLM server is not available: ${why}.`, { cause });

const refused = (why: string): DomainError =>
  new DomainError('invalid', 'VLLM_REFUSED', `The vLLM server refused the request: ${why}`);

/** Also what a server says that was started anew and has lost its adapters. */
const unknownModel = (why: string): DomainError =>
  new DomainError('unavailable', 'VLLM_MODEL_UNKNOWN', `The vLLM server does not know the model: ${why}`);

const unexpected = (why: string): DomainError =>
  new DomainError(
    'unavailable',
    'VLLM_UNEXPECTED',
    `The vLLM server does not speak as expected: ${why}. It must be version 0.11 or newer.`,
  );
