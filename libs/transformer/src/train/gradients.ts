import { DomainError, invariant } from '@openledger/kernel';
import {
  fullTrainingGraph,
  gradientName,
  loraTrainingGraph,
  type TrainingGraph,
} from '../graph/training-graph.js';
import type { LoraConfig, ModelConfig, Tensor, Weights } from '../model.js';
import { type Example, padBatch } from '../run/batch.js';
import { Session, type SessionOptions } from '../run/session.js';

export interface GradientOptions extends SessionOptions {
  /** Longest sequence in tokens. */
  readonly maxLength: number;
}

export interface GradientResult {
  /** Σ weight · NLL / normalizer, in nats. */
  readonly loss: number;
  /** By the names of the trained tensors. */
  readonly gradients: ReadonlyMap<string, Tensor>;
  /** Σ weight over scored positions, before normalisation. */
  readonly weightTotal: number;
  /** Input tokens without padding. */
  readonly tokens: number;
}

/** Computes losses and exact gradients of trained tensors that the caller owns. */
export class GradientSession {
  private constructor(
    private readonly session: Session,
    /** Names and shapes of the trained tensors. */
    readonly trained: ReadonlyMap<string, readonly number[]>,
    readonly maxLength: number,
  ) {}

  /** Gradients of an adapter over a frozen base model. */
  static async forLora(
    config: ModelConfig,
    weights: Weights,
    lora: LoraConfig,
    options: GradientOptions,
  ): Promise<GradientSession> {
    return GradientSession.open(loraTrainingGraph(config, weights, lora, options.maxLength), options);
  }

  /** Gradients of every weight. */
  static async forAll(config: ModelConfig, options: GradientOptions): Promise<GradientSession> {
    return GradientSession.open(fullTrainingGraph(config, options.maxLength), options);
  }

  private static async open(
    { graph, trained }: TrainingGraph,
    options: GradientOptions,
  ): Promise<GradientSession> {
    return new GradientSession(await Session.open(graph, options), trained, options.maxLength);
  }

  /**
   * Gradients of Σ weight · NLL / `normalizer` over the examples; by default the weighted mean over
   * their scored positions. For the gradient of one example's whole NLL pass one example and 1.
   */
  async gradients(
    tensors: ReadonlyMap<string, Tensor>,
    examples: readonly Example[],
    normalizer?: number,
  ): Promise<GradientResult> {
    const names = [...this.trained.keys()];
    const { outputs, weightTotal, tokens } = await this.#run(tensors, examples, {
      normalizer,
      fetches: ['loss', ...names.map(gradientName)],
    });
    const gradients = new Map<string, Tensor>();
    for (const name of names) {
      const gradient = outputs.get(gradientName(name));
      invariant(gradient, `no gradient of ${name}`);
      gradients.set(name, gradient);
    }
    return { loss: outputs.get('loss')?.data[0] ?? Number.NaN, gradients, weightTotal, tokens };
  }

  /**
   * Σ weight · NLL of the examples and Σ weight. Takes as long as {@link gradients}, because the runtime
   * computes every output of a graph: where many losses are wanted, open a `Scorer`.
   */
  async loss(
    tensors: ReadonlyMap<string, Tensor>,
    examples: readonly Example[],
  ): Promise<{ readonly total: number; readonly weightTotal: number }> {
    const { outputs, weightTotal } = await this.#run(tensors, examples, { normalizer: 1, fetches: ['loss'] });
    return { total: outputs.get('loss')?.data[0] ?? Number.NaN, weightTotal };
  }

  async release(): Promise<void> {
    await this.session.release();
  }

  async #run(
    tensors: ReadonlyMap<string, Tensor>,
    examples: readonly Example[],
    how: { readonly normalizer: number | undefined; readonly fetches: readonly string[] },
  ) {
    const batch = padBatch(examples, this.maxLength);
    const normalizer = how.normalizer ?? batch.weightTotal;
    if (batch.scored === 0 || normalizer <= 0) {
      throw new DomainError(
        'invalid',
        'NOTHING_TO_LEARN',
        'No position of the batch has a label with weight.',
      );
    }
    const scale = 1 / normalizer;
    const feeds = new Map<string, Tensor | typeof batch.ids>([
      ['input_ids', batch.ids],
      ['labels', batch.labels],
      ['loss_weights', { shape: batch.ids.shape, data: batch.weights.map((weight) => weight * scale) }],
    ]);
    for (const name of this.trained.keys()) {
      const tensor = tensors.get(name);
      invariant(tensor, `no value for ${name}`);
      feeds.set(name, tensor);
    }
    const outputs = await this.session.run(feeds, how.fetches);
    return { outputs, weightTotal: batch.weightTotal, tokens: batch.tokens };
  }
}
