import {
  cast,
  cumulativeSum,
  exp,
  expandLike,
  gatherElements,
  greater,
  greaterOrEqual,
  mul,
  reduceSum,
  reshape,
  type Value,
  where,
} from '@openledger/onnx-graph';

/**
 * A label for each row of log-probabilities ([scored, vocabulary]), drawn from that row's distribution:
 * the first whose cumulative probability exceeds the row's number in [0, 1). int64 [scored].
 */
export function drawnLabels(logProbabilities: Value, uniform: Value): Value {
  const { graph, shape } = logProbabilities;
  const last = Number(shape[1]) - 1;
  const sums = cumulativeSum(exp(logProbabilities));
  const column = reshape(uniform, ['scored', 1]);
  // What rounding left of 1 in the sum of all; without it, what is missing would go to the last label.
  const end = graph.borrow(graph.constant('int64', [last], [1, 1]));
  const whole = gatherElements(sums, expandLike(end, column), -1);
  const passed = cast(greaterOrEqual(mul(column, whole), sums), 'float32');
  const label = cast(reduceSum(passed, [-1], false), 'int64');
  const limit = graph.borrow(graph.scalar('int64', last));
  return where(greater(label, limit), limit, label);
}
