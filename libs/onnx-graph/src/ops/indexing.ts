import type { Scatter } from '../autodiff/rule.js';
import { dimAt, positiveAxis } from '../dimensions.js';
import type { Value } from '../graph.js';
import { reshape } from './layout.js';

/** Rows of `table` ([rows, ...]) picked by int64 `indices` of any shape. */
export function gatherRows(table: Value, indices: Value): Value {
  return table.graph.one('Gather', [table, indices], {
    dtype: table.dtype,
    shape: [...indices.shape, ...table.shape.slice(1)],
    attributes: { axis: 0 },
  });
}

/** One element per index along `axis`; the other axes of `x` and `indices` agree. */
export function gatherElements(x: Value, indices: Value, axis: number): Value {
  return x.graph.one('GatherElements', [x, indices], {
    dtype: x.dtype,
    shape: indices.shape,
    attributes: { axis: positiveAxis(axis, x.shape.length) },
  });
}

/** `x` with `updates` added at `indices`; repeated indices add up (this kernel is sequential, so exactly). */
export function scatterAdd(x: Value, { indices, updates, axis }: Scatter): Value {
  return x.graph.one('ScatterElements', [x, indices, updates], {
    dtype: x.dtype,
    shape: x.shape,
    attributes: { axis: positiveAxis(axis, x.shape.length), reduction: 'add' },
  });
}

/** Positions of the non-zero elements of a vector, as int64 [`count`]. */
export function nonZero(x: Value, count: string): Value {
  const found = x.graph.one('NonZero', [x], { dtype: 'int64', shape: [x.shape.length, count] });
  return reshape(found, [count]);
}

/** Rows of `x` at distinct positions: like {@link gatherRows}, with a gradient that writes instead of adds. */
export function selectRows(x: Value, positions: Value): Value {
  return x.graph.one('GatherND', [x, reshape(positions, [dimAt(positions.shape, 0), 1])], {
    dtype: x.dtype,
    shape: [dimAt(positions.shape, 0), ...x.shape.slice(1)],
  });
}
