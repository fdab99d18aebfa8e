import type { Node, Value } from '../graph.js';

/** A gradient that is zero except at `indices` along `axis` (ONNX `ScatterElements` with addition). */
export interface Scatter {
  readonly indices: Value;
  readonly updates: Value;
  readonly axis: number;
}

/** What one use of a value adds to that value's gradient. */
export type Contribution =
  | { readonly input: number; readonly dense: Value }
  | { readonly input: number; readonly scatter: Scatter };

/** The gradient that reached one output of a node: a dense part, scattered parts, or both. */
export interface OutputGradient {
  readonly dense: Value | undefined;
  readonly scatters: readonly Scatter[];
  /** Everything as one dense tensor. */
  total(): Value;
}

export interface RuleContext {
  readonly node: Node;
  /** Whether the gradient of an input is wanted; work for others should not be emitted. */
  needs(input: number): boolean;
  /**
   * Whether the gradient of an input is wanted once for each position along the leading axis of the
   * node's output, instead of summed over them.
   */
  apart(input: number): boolean;
  /** The gradient of an output, or undefined where nothing depends on it. */
  gradientOf(output: number): OutputGradient | undefined;
  /** The dense gradient of output 0. */
  gradient(): Value;
  input(index: number): Value;
  output(index: number): Value;
}

/** Emits the vector-Jacobian product of one operator into the graph. */
export type GradientRule = (context: RuleContext) => readonly Contribution[];
