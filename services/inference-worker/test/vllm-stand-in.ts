import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

interface Completion {
  readonly model: string;
  readonly max_tokens: number;
  readonly logprobs?: number;
}

/**
 * The part of vLLM's HTTP API that the worker uses, with the upstream's statuses and shapes; one letter a
 * token, the letters those of the model's name, so that an answer tells whose it is.
 */
export class VllmStandIn {
  readonly loads: string[] = [];
  readonly unloads: string[] = [];
  readonly bodies: Record<string, unknown>[] = [];
  /** Completions that were broken off by the worker. */
  broken = 0;
  /** Tokens after which a completion falls silent; undefined to end. */
  hangAfter: number | undefined;
  private readonly adapters = new Set<string>();

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => void this.answer(request, response));
  }

  static async start(): Promise<VllmStandIn> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new VllmStandIn(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** As after a restart of the upstream. */
  loseAdapters(): void {
    this.adapters.clear();
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = `${request.method} ${request.url}`;
    if (route === 'GET /health') {
      response.end();
      return;
    }
    if (route === 'GET /v1/models') return void json(response, 200, this.models());
    const body = await bodyOf(request);
    this.bodies.push(body);
    if (route === 'POST /v1/completions') return this.complete(body as unknown as Completion, response);
    const name = String(body.lora_name);
    if (route === 'POST /v1/load_lora_adapter') return this.load(name, String(body.lora_path), response);
    if (!this.adapters.delete(name))
      return void failed(response, 404, `The lora adapter '${name}' cannot be found.`);
    this.unloads.push(name);
    response.end(`Success: LoRA adapter '${name}' removed successfully.`);
  }

  private models(): object {
    const card = (id: string, parent: string | null) => ({ id, parent, object: 'model', max_model_len: 512 });
    return {
      object: 'list',
      data: [card('tiny', null), ...[...this.adapters].map((id) => card(id, 'tiny'))],
    };
  }

  private load(name: string, folder: string, response: ServerResponse): void {
    if (this.adapters.has(name)) {
      return void failed(response, 400, `The lora adapter '${name}' has already been loaded.`);
    }
    if (!existsSync(join(folder, 'adapter_config.json')))
      return void failed(response, 404, `No adapter found for ${folder}`);
    this.loads.push(name);
    this.adapters.add(name);
    response.end(`Success: LoRA adapter '${name}' added successfully.`);
  }

  private complete({ model, max_tokens, logprobs }: Completion, response: ServerResponse): void {
    if (model !== 'tiny' && !this.adapters.has(model)) {
      return void failed(response, 404, `The model \`${model}\` does not exist.`);
    }
    response.once('close', () => {
      if (!response.writableEnded) this.broken += 1;
    });
    response.setHeader('content-type', 'text/event-stream; charset=utf-8');
    const send = (part: object) => response.write(`data: ${JSON.stringify(part)}\n\n`);
    const letters = [...model].slice(0, Math.min(max_tokens, this.hangAfter ?? max_tokens));
    for (const [at, letter] of letters.entries()) {
      const finish = this.hangAfter === undefined && at === letters.length - 1 ? 'length' : null;
      send({ choices: [{ index: 0, ...told(letter, logprobs), finish_reason: finish }], usage: null });
    }
    if (this.hangAfter !== undefined) return;
    send({ choices: [], usage: { prompt_tokens: 5, prompt_tokens_details: { cached_tokens: 3 } } });
    response.end('data: [DONE]\n\n');
  }
}

function told(letter: string, logprobs: number | undefined): object {
  const token = letter.charCodeAt(0);
  const name = `token_id:${token}`;
  const table = { [name]: -0.5, [`token_id:${token + 1}`]: -1.5 };
  const probabilities =
    logprobs === undefined ? null : { tokens: [name], token_logprobs: [-0.5], top_logprobs: [table] };
  return { text: letter, token_ids: [token], logprobs: probabilities };
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>;
}

function json(response: ServerResponse, status: number, body: object): void {
  response.statusCode = status;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(body));
}

const failed = (response: ServerResponse, status: number, message: string): void =>
  json(response, status, { error: { message, type: 'BadRequestError', param: null, code: status } });
