import { Graph, gradients, mul, neg, reshape, selectRows, sumAll, type Value } from '@openledger/onnx-graph';
import type { LoraConfig, ModelConfig, Weights } from '../model.js';
import { type Decoder, hiddenStates } from './decoder.js';
import { labelLikelihood } from './likelihood.js';
import { loraInputs, loraShapes, noDelta } from './lora-inputs.js';
import { constantParameters, inputParameters, plainLinear, weightShapes } from './parameters.js';
import { sequenceParts } from './sequence.js';

/** A graph of one optimisation step, less the optimiser. */
export interface TrainingGraph {
  readonly graph: Graph;
  /** Names and shapes of what is trained: inputs under these names, gradients under `<name>.grad`. */
  readonly trained: ReadonlyMap<string, readonly number[]>;
}

/** The name of the output with the gradient of a trained tensor. */
export const gradientName = (name: string): string => `${name}.grad`;

/**
 * Loss and adapter gradients with the base model frozen.
 *
 * Inputs: `input_ids` int64 [batch, time]; `labels` int64 [batch, time], where `labels[t]` is the token
 * to predict after reading position t (the caller shifts) or negative to skip; `loss_weights` float32
 * [batch, time]; and the trained tensors. Outputs: `loss` = −Σ weight · log p(label), a sum so that the
 * caller decides over what it averages, and one gradient for each trained tensor. Sequences are padded
 * on the right with any token: causality keeps padding from reaching earlier positions.
 */
export function loraTrainingGraph(
  config: ModelConfig,
  weights: Weights,
  lora: LoraConfig,
  maxLength: number,
): TrainingGraph {
  const graph = new Graph();
  const ids = graph.input('input_ids', 'int64', ['batch', 'time']);
  const { delta, inputs } = loraInputs(graph, config, lora);
  const parameters = constantParameters(graph, config, weights);
  const decoder = {
    ...sequenceParts(config, ids, maxLength),
    parameters,
    linear: plainLinear(parameters),
    delta,
  };
  emitLossAndGradients(decoder, ids, [...inputs.values()]);
  return { graph, trained: loraShapes(config, lora) };
}

/** Loss and gradients of all weights, which are inputs; otherwise as {@link loraTrainingGraph}. */
export function fullTrainingGraph(config: ModelConfig, maxLength: number): TrainingGraph {
  const graph = new Graph();
  const ids = graph.input('input_ids', 'int64', ['batch', 'time']);
  const trained = weightShapes(config);
  const parameters = inputParameters(graph, config);
  const decoder = {
    ...sequenceParts(config, ids, maxLength),
    parameters,
    linear: plainLinear(parameters),
    delta: noDelta,
  };
  emitLossAndGradients(decoder, ids, [...trained.keys()].map(parameters));
  return { graph, trained };
}

function emitLossAndGradients(decoder: Decoder, ids: Value, trained: readonly Value[]): void {
  const { graph } = ids;
  const labels = graph.input('labels', 'int64', ['batch', 'time']);
  const lossWeights = graph.input('loss_weights', 'float32', ['batch', 'time']);
  const { logProbabilities, positions } = labelLikelihood(decoder, hiddenStates(decoder, ids), labels);
  const weights = selectRows(reshape(lossWeights, ['batch*time']), positions);
  const loss = neg(sumAll(mul(logProbabilities, weights)));
  graph.output('loss', loss);
  const results = gradients(graph, loss, trained);
  for (const [index, value] of trained.entries()) {
    const gradient = results[index];
    if (gradient) graph.output(gradientName(value.name), gradient);
  }
}
