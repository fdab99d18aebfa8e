import { DomainError, invariant } from '@openledger/kernel';
import { exampleGradientGraph } from '../graph/training-graph.js';
import type { LoraConfig, ModelConfig, Tensor, Weights } from '../model.js';
import { type Example, padBatch } from '../run/batch.js';
import { type FeedTensor, Session } from '../run/session.js';
import { flatLength, type Shapes } from './flat-tensors.js';
import type { GradientOptions } from './gradients.js';
import type { Random } from './random.js';

export interface ExampleRows {
  /** Σ weight · NLL of each example's scored positions, nats. */
  readonly losses: Float32Array;
  /** Its gradient, one row an example, `size` numbers each. */
  readonly rows: Float32Array;
}

/**
 * Tokens computed at once, with padding: enough to fill the matrix kernels, few enough for activations to
 * stay in the second-level cache. With a hidden size of 192 and 64 tokens an example, 4 examples at once take
 * 12.6 ms each, one 18 and 32 together 16.4 (one thread).
 */
const tokensAtOnce = 256;

/** Lengths are rounded up to this: padding of 13 % with 16 becomes 6 %. */
const lengthStep = 8;

/** What one run may allocate beside the model: rows in the making, activations and logits, in bytes. */
const workingBytes = 512 * 2 ** 20;

/** Numbers of one call's result; 4 GiB. */
const numbersMax = 2 ** 30;

/** What is worked on together: where its examples stand in the caller's list. */
type Chunk = readonly { readonly example: Example; readonly index: number }[];

/**
 * Gradients of single examples with respect to an adapter, many in one pass: the forward pass and what
 * flows back through the frozen model are those of a batch, and only the last product of each low-rank
 * matrix is taken for each example by itself (per-example gradients as in Goodfellow 2015,
 * arXiv:1510.01799). Rows do not depend on how examples are grouped, up to float32 rounding.
 */
export class ExampleGradients {
  /** Numbers in a row: all tensors of `loraShapes` laid end to end in its order. */
  readonly size: number;

  private constructor(
    private readonly session: Session,
    private readonly config: ModelConfig,
    /** Names and shapes of the adapter's tensors, in the order of a row. */
    readonly shapes: Shapes,
    private readonly maxLength: number,
  ) {
    this.size = flatLength(shapes);
  }

  static async forLora(
    config: ModelConfig,
    weights: Weights,
    lora: LoraConfig,
    options: GradientOptions,
  ): Promise<ExampleGradients> {
    const { graph, trained } = exampleGradientGraph(config, weights, lora, options.maxLength);
    return new ExampleGradients(await Session.open(graph, options), config, trained, options.maxLength);
  }

  /** The gradient of each example's own Σ weight · NLL. An example without labels has a row of zeros. */
  async of(tensors: ReadonlyMap<string, Tensor>, examples: readonly Example[]): Promise<ExampleRows> {
    return this.#run(tensors, examples);
  }

  /**
   * The same with labels drawn from the model's own distribution at every scored position: outer products
   * of such gradients average to the true Fisher matrix. Each example takes as many numbers from `random`
   * as it has scored positions, in order.
   */
  async sampled(
    tensors: ReadonlyMap<string, Tensor>,
    examples: readonly Example[],
    random: Random,
  ): Promise<ExampleRows> {
    return this.#run(tensors, examples, random);
  }

  async release(): Promise<void> {
    await this.session.release();
  }

  async #run(
    tensors: ReadonlyMap<string, Tensor>,
    examples: readonly Example[],
    random?: Random,
  ): Promise<ExampleRows> {
    if (examples.length * this.size > numbersMax) {
      throw new DomainError(
        'too-large',
        'TOO_MANY_EXAMPLES',
        `${examples.length} gradients of ${this.size} numbers are too many for one call: pass at most ${Math.floor(numbersMax / this.size)} examples.`,
      );
    }
    const uniform = random && examples.map((example) => uniformOf(example, random));
    const result = {
      losses: new Float32Array(examples.length),
      rows: new Float32Array(examples.length * this.size),
    };
    const adapter = [...this.shapes.keys()].map((name) => {
      const tensor = tensors.get(name);
      invariant(tensor, `no value for ${name}`);
      return [name, tensor] as const;
    });
    for (const chunk of this.#chunksOf(examples)) {
      const feeds = new Map<string, FeedTensor>(adapter);
      await this.#runChunk(chunk, { feeds, uniform, result });
    }
    return result;
  }

  async #runChunk(
    chunk: Chunk,
    given: {
      readonly feeds: Map<string, FeedTensor>;
      readonly uniform: readonly Float32Array[] | undefined;
      readonly result: ExampleRows;
    },
  ): Promise<void> {
    const { feeds, uniform, result } = given;
    const batch = padBatch(
      chunk.map(({ example }) => example),
      this.maxLength,
      lengthStep,
    );
    const { shape } = batch.ids;
    const numbers = new Float32Array(batch.rows * batch.time);
    if (uniform) {
      for (const [row, { index }] of chunk.entries()) numbers.set(uniform[index] ?? [], row * batch.time);
    }
    feeds.set('input_ids', batch.ids);
    feeds.set('labels', batch.labels);
    feeds.set('loss_weights', { shape, data: batch.weights });
    feeds.set('uniform', { shape, data: numbers });
    feeds.set('drawn', { shape: [1], data: Uint8Array.of(uniform ? 1 : 0) });
    const outputs = await this.session.run(feeds, ['log_probabilities', 'rows']);
    const rows = outputs.get('rows')?.data;
    const logProbabilities = outputs.get('log_probabilities')?.data;
    invariant(rows && logProbabilities, 'the run gave no gradients');
    let at = 0;
    for (const [row, { example, index }] of chunk.entries()) {
      result.rows.set(rows.subarray(row * this.size, (row + 1) * this.size), index * this.size);
      let loss = 0;
      for (const t of scoredPositions(example)) {
        loss -= (example.weights?.[t] ?? 1) * (logProbabilities[at] ?? 0);
        at += 1;
      }
      result.losses[index] = loss;
    }
  }

  /** Neighbours in length together, so that little is padded; as many as memory allows. */
  #chunksOf(examples: readonly Example[]): Chunk[] {
    const ordered = examples
      .map((example, index) => ({ example, index }))
      .filter(({ example }) => scoredPositions(example).length > 0)
      .sort((a, b) => b.example.inputIds.length - a.example.inputIds.length || a.index - b.index);
    const chunks: Chunk[] = [];
    for (let at = 0; at < ordered.length; at += chunks.at(-1)?.length ?? 1) {
      const longest = ordered[at]?.example.inputIds.length ?? 0;
      const rows = Math.min(tokensAtOnce / longest, workingBytes / this.#bytesOf(longest));
      chunks.push(ordered.slice(at, at + Math.max(Math.floor(rows), 1)));
    }
    return chunks;
  }

  /** About what one example of this length needs while it is computed. */
  #bytesOf(length: number): number {
    const { layerCount, hiddenSize, intermediateSize, headCount, vocabSize } = this.config;
    const activations = layerCount * (16 * hiddenSize + 8 * intermediateSize + 4 * headCount * length);
    // The row, its parts and its copy outside; logits, their logarithms, exponentials and gradients.
    return Float32Array.BYTES_PER_ELEMENT * (3 * this.size + length * (activations + 4 * vocabSize));
  }
}

function scoredPositions({ inputIds, labels }: Example): number[] {
  const positions: number[] = [];
  for (let t = 0; t < inputIds.length; t += 1) if ((labels[t] ?? -1) >= 0) positions.push(t);
  return positions;
}

/** A number in [0, 1) for each scored position, exact in float32, so that none rounds to 1. */
function uniformOf(example: Example, random: Random): Float32Array {
  const numbers = new Float32Array(example.inputIds.length);
  for (const t of scoredPositions(example)) numbers[t] = Math.floor(random() * 2 ** 24) / 2 ** 24;
  return numbers;
}
