import { invariant } from '@openledger/kernel';
import type { Graph, Node, Value } from '../graph.js';
import { add, scalarLike } from '../ops/elementwise.js';
import { scatterAdd } from '../ops/indexing.js';
import { zerosLike } from '../ops/layout.js';
import type { Contribution, OutputGradient, RuleContext, Scatter } from './rule.js';
import { gradientRules } from './rules.js';

/** The gradient of one value while its uses are still being collected. */
class Accumulator implements OutputGradient {
  dense: Value | undefined;
  readonly scatters: Scatter[] = [];

  constructor(private readonly of: Value) {}

  take(contribution: Contribution): void {
    if ('scatter' in contribution) this.scatters.push(contribution.scatter);
    else this.dense = this.dense ? add(this.dense, contribution.dense) : contribution.dense;
  }

  total(): Value {
    let sum = this.dense ?? zerosLike(this.of);
    for (const scatter of this.scatters.splice(0)) sum = scatterAdd(sum, scatter);
    this.dense = sum;
    return sum;
  }
}

/**
 * Extends the graph with the gradient of a 0-dimensional `loss` with respect to each value of `wrt`
 * (reverse-mode differentiation). Returns the gradients in the order of `wrt`; a value on which the
 * loss does not depend is refused.
 */
export function gradients(graph: Graph, loss: Value, wrt: readonly Value[]): Value[] {
  invariant(loss.shape.length === 0, `the loss has rank ${loss.shape.length}, not 0`);
  const nodes = [...graph.nodes];
  const dependent = dependentsOf(nodes, wrt);
  const found = new Map<Value, Accumulator>([[loss, seeded(loss)]]);
  for (const node of nodes.reverse()) {
    if (!node.outputs.some((output) => found.has(output))) continue;
    if (!node.inputs.some((input) => input && dependent.has(input))) continue;
    differentiate(node, found, dependent);
  }
  return wrt.map((value) => {
    const gradient = found.get(value);
    invariant(gradient, `the loss does not depend on ${value.name}`);
    return gradient.total();
  });
}

function seeded(loss: Value): Accumulator {
  const accumulator = new Accumulator(loss);
  accumulator.take({ input: 0, dense: scalarLike(loss, 1) });
  return accumulator;
}

/** Every value that is computed from one of `roots`. */
function dependentsOf(nodes: readonly Node[], roots: readonly Value[]): ReadonlySet<Value> {
  const dependent = new Set(roots);
  for (const { inputs, outputs } of nodes) {
    if (inputs.some((input) => input && dependent.has(input))) {
      for (const output of outputs) dependent.add(output);
    }
  }
  return dependent;
}

function differentiate(node: Node, found: Map<Value, Accumulator>, dependent: ReadonlySet<Value>): void {
  const rule = gradientRules.get(node.op);
  invariant(rule, `${node.op} has no gradient rule`);
  for (const contribution of rule(contextOf(node, found, dependent))) {
    const input = node.inputs[contribution.input];
    invariant(input && dependent.has(input), `${node.op} gave a gradient nobody asked for`);
    let accumulator = found.get(input);
    if (!accumulator) {
      accumulator = new Accumulator(input);
      found.set(input, accumulator);
    }
    accumulator.take(contribution);
  }
}

function contextOf(
  node: Node,
  found: ReadonlyMap<Value, Accumulator>,
  dependent: ReadonlySet<Value>,
): RuleContext {
  const output = (index: number): Value => {
    const value = node.outputs[index];
    invariant(value, `${node.op} has no output ${index}`);
    return value;
  };
  return {
    node,
    output,
    input: (index) => {
      const value = node.inputs[index];
      invariant(value, `${node.op} has no input ${index}`);
      return value;
    },
    needs: (index) => {
      const input = node.inputs[index];
      return input !== undefined && dependent.has(input) && input.dtype.startsWith('float');
    },
    gradientOf: (index) => found.get(output(index)),
    gradient: () => {
      const gradient = found.get(output(0));
      invariant(gradient, `${node.op} is used only by its further outputs`);
      return gradient.total();
    },
  };
}
