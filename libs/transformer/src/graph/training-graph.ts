import {
  branch,
  concat,
  Graph,
  gradients,
  gradientsOfExamples,
  mul,
  neg,
  reshape,
  selectRows,
  sumAll,
  type Value,
} from '@openledger/onnx-graph';
import type { LoraConfig, ModelConfig, Weights } from '../model.js';
import { type Decoder, hiddenStates } from './decoder.js';
import { drawnLabels } from './drawn-labels.js';
import { type ChooseLabels, labelLikelihood } from './likelihood.js';
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
  const { decoder, ids, inputs } = loraDecoder(config, weights, lora, maxLength);
  emitLossAndGradients(decoder, ids, [...inputs.values()]);
  return { graph: ids.graph, trained: loraShapes(config, lora) };
}

/**
 * Adapter gradients of each example by itself. Inputs as of {@link loraTrainingGraph}, and `drawn` (one
 * boolean) with `uniform` float32 [batch, time]: where true, the labels of scored positions are drawn from
 * the model's own distribution by these numbers in [0, 1), and the given ones only say what is scored.
 * Outputs: `log_probabilities` [scored] of the labels that counted, and `rows` [batch, size], each example's
 * gradient of its own −Σ weight · log p(label), its tensors end to end in the order of {@link loraShapes}.
 */
export function exampleGradientGraph(
  config: ModelConfig,
  weights: Weights,
  lora: LoraConfig,
  maxLength: number,
): TrainingGraph {
  const { decoder, ids, inputs } = loraDecoder(config, weights, lora, maxLength);
  const { graph } = ids;
  const drawn = graph.input('drawn', 'bool', [1]);
  const uniform = reshape(graph.input('uniform', 'float32', ['batch', 'time']), ['batch*time']);
  const choose: ChooseLabels = (logProbabilities, labels, positions) => {
    const numbers = selectRows(uniform, positions);
    const [label = labels] = branch(
      drawn,
      (body) => [drawnLabels(body.borrow(logProbabilities), body.borrow(numbers))],
      (body) => [body.borrow(labels)],
    );
    return label;
  };
  const { loss, logProbabilities } = emitLoss(decoder, ids, choose);
  graph.output('log_probabilities', logProbabilities);
  const trained = loraShapes(config, lora);
  const rows = gradientsOfExamples(graph, loss, [...inputs.values()]).map((gradient) => {
    const [batch = 'batch', outer, inner] = gradient.shape;
    return reshape(gradient, [batch, Number(outer) * Number(inner)]);
  });
  graph.output('rows', concat(rows, 1));
  return { graph, trained };
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

function loraDecoder(config: ModelConfig, weights: Weights, lora: LoraConfig, maxLength: number) {
  const graph = new Graph();
  const ids = graph.input('input_ids', 'int64', ['batch', 'time']);
  const { delta, inputs } = loraInputs(graph, config, lora);
  const parameters = constantParameters(graph, config, weights);
  const decoder: Decoder = {
    ...sequenceParts(config, ids, maxLength),
    parameters,
    linear: plainLinear(parameters),
    delta,
  };
  return { decoder, ids, inputs };
}

function emitLossAndGradients(decoder: Decoder, ids: Value, trained: readonly Value[]): void {
  const { graph } = ids;
  const { loss } = emitLoss(decoder, ids);
  graph.output('loss', loss);
  const results = gradients(graph, loss, trained);
  for (const [index, value] of trained.entries()) {
    const gradient = results[index];
    if (gradient) graph.output(gradientName(value.name), gradient);
  }
}

/** −Σ weight · log p(label). */
function emitLoss(decoder: Decoder, ids: Value, choose?: ChooseLabels) {
  const { graph } = ids;
  const labels = graph.input('labels', 'int64', ['batch', 'time']);
  const lossWeights = graph.input('loss_weights', 'float32', ['batch', 'time']);
  const hidden = hiddenStates(decoder, ids);
  const { logProbabilities, positions } = labelLikelihood(decoder, hidden, labels, choose);
  const weights = selectRows(reshape(lossWeights, ['batch*time']), positions);
  return { loss: neg(sumAll(mul(logProbabilities, weights))), logProbabilities };
}
