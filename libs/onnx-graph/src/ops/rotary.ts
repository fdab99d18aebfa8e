import type { GradientRule } from '../autodiff/rule.js';
import { microsoftDomain, type Value } from '../graph.js';
import { neg } from './elementwise.js';

export interface RotaryTables {
  /** int64 [batch, time]. */
  readonly positions: Value;
  /** float32 [positions, head size / 2]. */
  readonly cos: Value;
  readonly sin: Value;
}

/**
 * Rotary position embedding (Su et al. 2021) of `x` ([batch, time, heads · head size]) in the
 * half-split convention of Hugging Face's `rotate_half`.
 */
export function rotary(x: Value, tables: RotaryTables, heads: number): Value {
  return x.graph.one('RotaryEmbedding', [x, tables.positions, tables.cos, tables.sin], {
    dtype: x.dtype,
    shape: x.shape,
    attributes: { interleaved: 0, num_heads: heads },
    domain: microsoftDomain,
  });
}

/** A rotation is orthogonal: its transpose is the rotation by the opposite angle. */
export const rotaryRule: GradientRule = (c) => {
  if (!c.needs(0)) return [];
  const tables = { positions: c.input(1), cos: c.input(2), sin: neg(c.input(3)) };
  return [{ input: 0, dense: rotary(c.gradient(), tables, Number(c.node.attributes['num_heads'])) }];
};
