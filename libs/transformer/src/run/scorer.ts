import { DomainError, invariant } from '@openledger/kernel';
import { loraShapes } from '../graph/lora-inputs.js';
import { scoringGraph } from '../graph/scoring-graph.js';
import type { LoraConfig, ModelConfig, Tensor, Weights } from '../model.js';
import { type Example, type PaddedBatch, padBatch } from './batch.js';
import { type Feeds, Session, type SessionOptions } from './session.js';

export interface ScorerOptions extends SessionOptions {
  /** Longest sequence in tokens. */
  readonly maxLength: number;
  /** Shape of the adapters that may be scored; without it only the base model can be. */
  readonly lora?: LoraConfig;
}

/** Rows scored at once, which bounds the memory of attention and logits. */
const rowsAtOnce = 8;

/** Logits and label probabilities of whole sequences, by the base model or with an adapter. */
export class Scorer {
  private constructor(
    private readonly session: Session,
    private readonly maxLength: number,
    private readonly noAdapter: ReadonlyMap<string, Tensor>,
  ) {}

  static async open(config: ModelConfig, weights: Weights, options: ScorerOptions): Promise<Scorer> {
    const session = await Session.open(scoringGraph(config, weights, options), options);
    const noAdapter = new Map<string, Tensor>();
    for (const [name, shape] of options.lora ? loraShapes(config, options.lora) : []) {
      const size = shape.reduce((product, dim) => product * dim, 1);
      noAdapter.set(name, { shape, data: new Float32Array(size) });
    }
    return new Scorer(session, options.maxLength, noAdapter);
  }

  /** Logits [rows, time, vocabulary]; `time` is the longest sequence, rounded up. */
  async logits(
    sequences: readonly ArrayLike<number>[],
    adapter?: ReadonlyMap<string, Tensor>,
  ): Promise<Tensor> {
    const batch = padBatch(
      sequences.map((inputIds) => ({ inputIds, labels: [] })),
      this.maxLength,
    );
    const { rows, time } = batch;
    // Any label makes a position one that is scored.
    const labels = { shape: [rows, time], data: new BigInt64Array(rows * time) };
    const outputs = await this.session.run(this.#feeds({ ...batch, labels }, adapter), ['logits']);
    const data = outputs.get('logits')?.data;
    invariant(data, 'the scorer returned no logits');
    return { shape: [rows, time, data.length / (rows * time)], data };
  }

  /** For each example, log p of its labels that are not negative, in nats and in their order. */
  async logProbabilities(
    examples: readonly Example[],
    adapter?: ReadonlyMap<string, Tensor>,
  ): Promise<Float32Array[]> {
    const results: Float32Array[] = [];
    for (let at = 0; at < examples.length; at += rowsAtOnce) {
      results.push(...(await this.#score(examples.slice(at, at + rowsAtOnce), adapter)));
    }
    return results;
  }

  async release(): Promise<void> {
    await this.session.release();
  }

  async #score(examples: readonly Example[], adapter?: ReadonlyMap<string, Tensor>): Promise<Float32Array[]> {
    const batch = padBatch(examples, this.maxLength);
    const counts = examples.map(({ inputIds, labels }) => {
      let count = 0;
      for (let t = 0; t < inputIds.length; t += 1) if ((labels[t] ?? -1) >= 0) count += 1;
      return count;
    });
    if (counts.every((count) => count === 0)) return examples.map(() => new Float32Array(0));
    const outputs = await this.session.run(this.#feeds(batch, adapter), ['log_probabilities']);
    const all = outputs.get('log_probabilities')?.data;
    invariant(all, 'the scorer returned no probabilities');
    let start = 0;
    return counts.map((count) => {
      start += count;
      return all.slice(start - count, start);
    });
  }

  #feeds(batch: PaddedBatch, adapter: ReadonlyMap<string, Tensor> = this.noAdapter): Feeds {
    const feeds = new Map<string, Tensor | typeof batch.ids>([
      ['input_ids', batch.ids],
      ['labels', batch.labels],
    ]);
    if (adapter.size > 0 && this.noAdapter.size === 0) {
      throw new DomainError(
        'invalid',
        'SCORER_WITHOUT_LORA',
        'This scorer was opened for the base model only.',
      );
    }
    for (const name of this.noAdapter.keys()) {
      const tensor = adapter.get(name);
      invariant(tensor, `the adapter has no ${name}`);
      feeds.set(name, tensor);
    }
    return feeds;
  }
}
