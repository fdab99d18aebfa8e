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
  return differentiated(graph, loss, { wrt, apart: false });
}

/**
 * {@link gradients} of each example by itself, [batch, ...shape of the value]: of a loss that is a sum
 * over the examples of a batch, where no operator mixes examples. Each value of `wrt` must be the right
 * matrix of products with the examples along the leading axis; one backward pass serves them all.
 */
export function gradientsOfExamples(graph: Graph, loss: Value, wrt: readonly Value[]): Value[] {
  return differentiated(graph, loss, { wrt, apart: true });
}

interface Wanted {
  readonly wrt: readonly Value[];
  readonly apart: boolean;
}

function differentiated(graph: Graph, loss: Value, { wrt, apart }: Wanted): Value[] {
  invariant(loss.shape.length === 0, `the loss has rank ${loss.shape.length}, not 0`);
  const nodes = [...graph.nodes];
  const dependent = dependentsOf(nodes, wrt);
  const found = new Map<Value, Accumulator>([[loss, seeded(loss)]]);
  const search = { found, dependent, apart: new Set(apart ? wrt : []) };
  for (const node of nodes.reverse()) {
    if (!node.outputs.some((output) => found.has(output))) continue;
    if (!node.inputs.some((input) => input && dependent.has(input))) continue;
    differentiate(node, search);
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

interface Search {
  readonly found: Map<Value, Accumulator>;
  readonly dependent: ReadonlySet<Value>;
  /** Values whose gradient is kept apart for each example. */
  readonly apart: ReadonlySet<Value>;
}

function differentiate(node: Node, search: Search): void {
  const { found, dependent, apart } = search;
  const rule = gradientRules.get(node.op);
  invariant(rule, `${node.op} has no gradient rule`);
  for (const contribution of rule(contextOf(node, search))) {
    const input = node.inputs[contribution.input];
    invariant(input && dependent.has(input), `${node.op} gave a gradient nobody asked for`);
    const keeps = 'dense' in contribution && contribution.dense.shape.length === input.shape.length + 1;
    invariant(keeps || !apart.has(input), `${node.op} cannot keep examples of ${input.name} apart`);
    let accumulator = found.get(input);
    if (!accumulator) {
      accumulator = new Accumulator(input);
      found.set(input, accumulator);
    }
    accumulator.take(contribution);
  }
}

function contextOf(node: Node, { found, dependent, apart }: Search): RuleContext {
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
    apart: (index) => {
      const input = node.inputs[index];
      return input !== undefined && apart.has(input);
    },
    gradientOf: (index) => found.get(output(index)),
    gradient: () => {
      const gradient = found.get(output(0));
      invariant(gradient, `${node.op} is used only by its further outputs`);
      return gradient.total();
    },
  };
}
