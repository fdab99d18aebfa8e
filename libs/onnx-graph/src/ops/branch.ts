import { invariant } from '@openledger/kernel';
import { Graph, type Value } from '../graph.js';

/** Makes the results of one branch; values from outside are reached with `body.borrow`. */
export type Branch = (body: Graph) => readonly Value[];

/**
 * Computes one of two branches: `condition` is one boolean. Both give results of the same types; shapes
 * are those of the first, and may differ only in sizes known at run time.
 */
export function branch(condition: Value, whenTrue: Branch, whenFalse: Branch): Value[] {
  const { graph } = condition;
  const [then, otherwise] = [whenTrue, whenFalse].map((make) => {
    const body = new Graph(graph);
    for (const value of make(body)) {
      const own = body.nodes.some(({ outputs }) => outputs.includes(value));
      // A body may give back only what it computed.
      const result = own ? value : body.one('Identity', [value], value);
      body.output(result.name, result);
    }
    return body;
  });
  invariant(then && otherwise, 'a branch has two bodies');
  invariant(then.outputs.length === otherwise.outputs.length, 'branches give different numbers of results');
  return graph.apply({
    op: 'If',
    inputs: [condition],
    outputs: then.outputs.map(({ value: { dtype, shape } }) => ({ dtype, shape })),
    attributes: { then_branch: { graph: then }, else_branch: { graph: otherwise } },
  });
}
