import { DomainError } from '@openledger/kernel';
import { type Graph, splitModel } from '@openledger/onnx-graph';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { Tensor } from '../model.js';
import { type Provider, requireProvider } from './provider.js';

export interface SessionOptions {
  /** Threads inside one operator. Default: the runtime's choice, one for each core. */
  readonly threads?: number;
  /**
   * Whether idle threads of the runtime busy-wait for the next operator. Faster on cores of its own;
   * default false, because services share theirs.
   */
  readonly spin?: boolean;
  /** Where the graph is computed; default cpu. What the runtime does not have here is refused. */
  readonly provider?: Provider;
}

/** An integer tensor; the runtime's index type is 64 bits. */
export interface IntegerTensor {
  readonly shape: readonly number[];
  readonly data: BigInt64Array;
}

export type Feeds = ReadonlyMap<string, Tensor | IntegerTensor>;

/**
 * A graph compiled for running. `run` blocks the event loop for as long as the runtime computes
 * (onnxruntime-node runs synchronously), so long work belongs in a worker thread.
 */
export class Session {
  #session: InferenceSession | undefined;

  private constructor(session: InferenceSession) {
    this.#session = session;
  }

  static async open(graph: Graph, options: SessionOptions = {}): Promise<Session> {
    const { provider = 'cpu' } = options;
    if (provider !== 'cpu') await requireProvider(provider);
    const { model, externalData } = splitModel(graph);
    const session = await InferenceSession.create(model, {
      ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
      // What another processor has no kernel for stays on this one.
      executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      externalData: [...externalData],
      extra: { session: { intra_op: { allow_spinning: options.spin ? '1' : '0' } } },
    });
    return new Session(session);
  }

  /** Runs the graph for the named outputs only. Inputs are borrowed, outputs are the caller's. */
  async run(feeds: Feeds, fetches: readonly string[]): Promise<Map<string, Tensor>> {
    if (!this.#session) throw new DomainError('unavailable', 'SESSION_RELEASED', 'The model was unloaded.');
    const inputs: Record<string, OrtTensor> = {};
    for (const [name, { data, shape }] of feeds) {
      inputs[name] =
        data instanceof BigInt64Array
          ? new OrtTensor('int64', data, shape)
          : new OrtTensor('float32', data, shape);
    }
    const results = await this.#session.run(inputs, [...fetches]);
    const outputs = new Map<string, Tensor>();
    for (const name of fetches) {
      const result = results[name];
      if (result?.data instanceof Float32Array) outputs.set(name, { shape: result.dims, data: result.data });
    }
    return outputs;
  }

  /** Frees the model; later runs are refused. */
  async release(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.release();
  }
}
