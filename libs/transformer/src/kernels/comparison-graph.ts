import {
  div,
  Graph,
  gatherElements,
  logSoftmax,
  mul,
  split,
  sqrt,
  sub,
  sumAll,
  type Value,
} from '@openledger/onnx-graph';
import { decoderBlock, finalNorm } from '../graph/decoder.js';
import { noDelta } from '../graph/lora-inputs.js';
import { constantParameters, headWeight, type Linear, plainLinear, sideBySide } from '../graph/parameters.js';
import { plannedLinear } from '../graph/planned-linear.js';
import type { PrecisionPlan } from '../graph/precision.js';
import { sequenceParts } from '../graph/sequence.js';
import type { ModelConfig, Weights } from '../model.js';

/** What is compared: a model in float32 and the same model by a plan. */
export interface Compared {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly plan: PrecisionPlan;
}

export const errorName = (weight: string): string => `error.${weight}`;

/**
 * One block in float32 and by the plan, each on hidden states of its own. Inputs: `input_ids` int64
 * [batch, time], for its shape; `exact` and `planned` [batch, time, hidden]. Outputs: `exact_next`,
 * `planned_next` and, for each narrow layer, `error.<weight>`: ‖y − ŷ‖ / ‖y‖ over outputs of the same,
 * exact inputs.
 */
export function blockComparison(
  { config, weights, plan }: Compared,
  layer: number,
  maxLength: number,
): { readonly graph: Graph; readonly narrow: readonly string[] } {
  const graph = new Graph();
  const ids = graph.input('input_ids', 'int64', ['batch', 'time']);
  const parameters = constantParameters(graph, config, weights);
  const parts = { ...sequenceParts(config, ids, maxLength), parameters, delta: noDelta };
  const linear = plannedLinear(graph, { weights, plan, parameters });
  const narrow: string[] = [];
  const watched: Linear = watchedLinear(
    { exact: plainLinear(parameters), planned: linear },
    (name, error) => {
      narrow.push(name);
      graph.output(errorName(name), error);
    },
    plan,
  );
  const shape = ['batch', 'time', config.hiddenSize];
  const states = {
    exact: graph.input('exact', 'float32', shape),
    planned: graph.input('planned', 'float32', shape),
  };
  graph.output('exact_next', decoderBlock({ ...parts, linear: watched }, states.exact, layer));
  graph.output('planned_next', decoderBlock({ ...parts, linear }, states.planned, layer));
  return { graph, narrow };
}

/** Float32 layers that report the error which the plan would make on the same input. */
function watchedLinear(
  linear: { readonly exact: Linear; readonly planned: Linear },
  report: (name: string, error: Value) => void,
  plan: PrecisionPlan,
): Linear {
  return (x, ...names) => {
    const exact = names.map((name) => linear.exact(x, name));
    if (names.some((name) => plan.get(name) !== 'float32')) {
      // In one piece, as the plan itself computes them: their weights are then quantised once.
      const together = linear.planned(x, ...names);
      const widths = exact.map(({ shape }) => Number(shape.at(-1)));
      const close = names.length === 1 ? [together] : split(together, widths, -1);
      for (const [index, name] of names.entries()) {
        const [y, estimate] = [exact[index], close[index]];
        if (y && estimate && plan.get(name) !== 'float32') report(name, relativeError(y, estimate));
      }
    }
    return sideBySide(exact);
  };
}

function relativeError(exact: Value, close: Value): Value {
  const difference = sub(exact, close);
  return sqrt(div(sumAll(mul(difference, difference)), sumAll(mul(exact, exact))));
}

/**
 * A slice of the vocabulary, since the whole of a large one in float32 takes more memory than the rest
 * of the model. `compared` holds the slice's rows alone. Inputs: `exact` and `planned` [tokens, hidden],
 * before the last norm; `labels` int64 [tokens, 1], within the slice. Outputs for both: `exact_logit`
 * and `exact_log_probability` [tokens, 1] of the label within the slice, likewise `planned_…`, and
 * `error.<weight>` where the head is narrow.
 */
export function headComparison({ config, weights, plan }: Compared): Graph {
  const graph = new Graph();
  const parameters = constantParameters(graph, config, weights);
  const name = headWeight(config);
  const labels = graph.input('labels', 'int64', ['tokens', 1]);
  const linear = {
    exact: plainLinear(parameters),
    planned: plannedLinear(graph, { weights, plan, parameters }),
  };
  const normed = (which: 'exact' | 'planned'): Value =>
    finalNorm({ config, parameters }, graph.input(which, 'float32', ['tokens', config.hiddenSize]));
  const exactInput = normed('exact');
  const logits = { exact: linear.exact(exactInput, name), planned: linear.planned(normed('planned'), name) };
  for (const which of ['exact', 'planned'] as const) {
    graph.output(`${which}_logit`, gatherElements(logits[which], labels, -1));
    graph.output(`${which}_log_probability`, gatherElements(logSoftmax(logits[which]), labels, -1));
  }
  if (plan.get(name) !== 'float32') {
    graph.output(errorName(name), relativeError(logits.exact, linear.planned(exactInput, name)));
  }
  return graph;
}
