import { Graph } from '@openledger/onnx-graph';
import type { LoraConfig, ModelConfig, Weights } from '../model.js';
import { hiddenStates } from './decoder.js';
import { labelLikelihood } from './likelihood.js';
import { loraInputs, noDelta } from './lora-inputs.js';
import { constantParameters, plainLinear } from './parameters.js';
import { sequenceParts } from './sequence.js';

export interface ScoringGraphOptions {
  readonly maxLength: number;
  /** Where given, the adapter's tensors are inputs. */
  readonly lora?: LoraConfig;
}

/**
 * Whole sequences without gradients. Inputs: `input_ids` and `labels` int64 [batch, time] (labels as in
 * training). Outputs, for every label that is not negative in row-major order: `log_probabilities` [scored],
 * its log-probability, and `logits` [scored, vocabulary] at its position. The runtime computes all outputs,
 * fetched or not, so no position passes through the vocabulary that nobody asks for.
 */
export function scoringGraph(config: ModelConfig, weights: Weights, options: ScoringGraphOptions): Graph {
  const graph = new Graph();
  const ids = graph.input('input_ids', 'int64', ['batch', 'time']);
  const delta = options.lora ? loraInputs(graph, config, options.lora).delta : noDelta;
  const parameters = constantParameters(graph, config, weights);
  const decoder = {
    ...sequenceParts(config, ids, options.maxLength),
    parameters,
    linear: plainLinear(parameters),
    delta,
  };
  const hidden = hiddenStates(decoder, ids);
  const labels = graph.input('labels', 'int64', ['batch', 'time']);
  const { logits, logProbabilities } = labelLikelihood(decoder, hidden, labels);
  graph.output('log_probabilities', logProbabilities);
  graph.output('logits', logits);
  return graph;
}
