import type {
  RunEmbedRequest,
  RunEmbedResponse,
  RunRequest,
  RunResponse,
  WeightedAdapter,
  WorkerReceipt,
} from '@openledger/contracts';
import { type Clock, contentDigest, type ReceiptSigner, type ReceiptStatement } from '@openledger/kernel';

export interface ReceiptWriterParts {
  readonly signer: ReceiptSigner;
  readonly base: () => { readonly digest: string };
  /** "onnx" or "vllm". */
  readonly engine: string;
  readonly clock: Clock;
}

type Told = Omit<
  ReceiptStatement,
  'version' | 'requestId' | 'baseDigest' | 'adapters' | 'engine' | 'endedAt' | 'startedAt'
>;

/** Puts the worker's signed word for what it did into the last message of each answer. */
export class ReceiptWriter {
  constructor(private readonly parts: ReceiptWriterParts) {}

  /** What a status tells, so that receipts can be checked. */
  get signatory(): { readonly publicKey: Buffer; readonly engine: string } {
    return { publicKey: Buffer.from(this.parts.signer.publicKey), engine: this.parts.engine };
  }

  async *run(request: RunRequest, responses: AsyncIterable<RunResponse>): AsyncGenerator<RunResponse> {
    const { promptTokens } = request;
    const startedAt = this.now();
    const output: number[] = [];
    let cachedTokens = 0;
    let firstTokenAt = '';
    for await (const response of responses) {
      output.push(...response.tokens);
      cachedTokens = Math.max(cachedTokens, response.cachedTokens);
      if (firstTokenAt === '' && output.length > 0) firstTokenAt = this.now();
      if (response.finishReason === '') {
        yield response;
        continue;
      }
      const receipt = this.sign(request, response.adapterDigests, startedAt, {
        kind: 'run',
        inputSha256: contentDigest(promptTokens),
        outputSha256: contentDigest(output),
        promptTokens: promptTokens.length,
        completionTokens: output.length,
        cachedTokens,
        finishReason: response.finishReason,
        firstTokenAt,
      });
      yield { ...response, receipt };
    }
  }

  async embed(request: RunEmbedRequest, respond: () => Promise<RunEmbedResponse>): Promise<RunEmbedResponse> {
    const startedAt = this.now();
    const response = await respond();
    const inputs = request.inputs.map(({ tokens }) => tokens);
    // The numbers that the other side reads: the wire has 32 bits for each.
    const embeddings = response.embeddings.map(({ values }) => Array.from(values, Math.fround));
    const receipt = this.sign(request, response.adapterDigests, startedAt, {
      kind: 'embed',
      inputSha256: contentDigest(inputs),
      outputSha256: contentDigest(embeddings),
      promptTokens: inputs.reduce((sum, tokens) => sum + tokens.length, 0),
      completionTokens: 0,
      cachedTokens: 0,
      finishReason: '',
      firstTokenAt: '',
    });
    return { ...response, receipt };
  }

  private sign(
    { requestId, adapters }: { readonly requestId: string; readonly adapters: readonly WeightedAdapter[] },
    digests: readonly string[],
    startedAt: string,
    told: Told,
  ): WorkerReceipt {
    const endedAt = this.now();
    const { statement, publicKey, signature } = this.parts.signer.sign({
      ...told,
      version: 1,
      requestId,
      baseDigest: this.parts.base().digest,
      // The weights that were used, not those that were asked for.
      adapters: digests.map((digest, index) => ({ digest, weight: adapters[index]?.weight || 1 })),
      engine: this.parts.engine,
      startedAt,
      firstTokenAt: told.firstTokenAt || endedAt,
      endedAt,
    });
    return { statement, publicKey: Buffer.from(publicKey), signature: Buffer.from(signature) };
  }

  private now(): string {
    return this.parts.clock.now().toISOString();
  }
}
