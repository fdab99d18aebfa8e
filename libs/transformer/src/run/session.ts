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

/** What a graph is fed with: floats, 64-bit integers (the runtime's index type), signed bytes or booleans. */
export interface FeedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array | Int8Array | Uint8Array;
}

export interface IntegerTensor {
  readonly shape: readonly number[];
  readonly data: BigInt64Array;
}

/** 64-bit integers of these values, or so many zeros. */
export function integers(shape: readonly number[], values: readonly number[] | number): IntegerTensor {
  const data = typeof values === 'number' ? new BigInt64Array(values) : BigInt64Array.from(values, BigInt);
  return { shape, data };
}

export type Feeds = ReadonlyMap<string, FeedTensor>;

/**
 * A graph compiled for running. `run` blocks the event loop for as long as the runtime computes
 * (onnxruntime-node runs synchronously), so long work belongs in a worker thread.
 */
export class Session {
  #session: InferenceSession | undefined;
  readonly #views = new WeakMap<FeedTensor, OrtTensor>();

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
    for (const [name, tensor] of feeds) inputs[name] = this.#fed(tensor);
    const results = await this.#session.run(inputs, [...fetches]);
    const outputs = new Map<string, Tensor>();
    for (const name of fetches) {
      const result = results[name];
      if (result?.data instanceof Float32Array) outputs.set(name, { shape: result.dims, data: result.data });
    }
    return outputs;
  }

  /** A view for the runtime; made once for tensors that are fed again. */
  #fed(tensor: FeedTensor): OrtTensor {
    let view = this.#views.get(tensor);
    if (!view) {
      const { data, shape } = tensor;
      if (data instanceof BigInt64Array) view = new OrtTensor('int64', data, shape);
      else if (data instanceof Int8Array) view = new OrtTensor('int8', data, shape);
      else if (data instanceof Uint8Array) view = new OrtTensor('bool', data, shape);
      else view = new OrtTensor('float32', data, shape);
      this.#views.set(tensor, view);
    }
    return view;
  }

  /** Frees the model; later runs are refused. */
  async release(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.release();
  }
}
