import { microsoftDomain, type Value } from '../graph.js';

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
