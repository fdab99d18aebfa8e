import type { GradientRule } from './rule.js';
import { cumulativeSumRule } from './rules/cumulative.js';
import * as elementwise from './rules/elementwise.js';
import * as indexing from './rules/indexing.js';
import * as layout from './rules/layout.js';
import { whereRule } from './rules/logic.js';
import { matmulRule } from './rules/matmul.js';
import { rmsNormRule } from './rules/normalization.js';
import { reduceMeanRule, reduceSumRule } from './rules/reduce.js';
import { rotaryRule } from './rules/rotary.js';
import { logSoftmaxRule, softmaxRule } from './rules/softmax.js';

/** The gradient rule of every differentiable operator, by its ONNX name. */
export const gradientRules: ReadonlyMap<string, GradientRule> = new Map([
  ['Add', elementwise.addRule],
  ['Sub', elementwise.subRule],
  ['Mul', elementwise.mulRule],
  ['Div', elementwise.divRule],
  ['Neg', elementwise.negRule],
  ['Exp', elementwise.expRule],
  ['Log', elementwise.logRule],
  ['Sqrt', elementwise.sqrtRule],
  ['Reciprocal', elementwise.reciprocalRule],
  ['Sigmoid', elementwise.sigmoidRule],
  ['QuickGelu', elementwise.siluRule],
  ['MatMul', matmulRule],
  ['FusedMatMul', matmulRule],
  ['CumSum', cumulativeSumRule],
  ['Reshape', layout.reshapeRule],
  ['Transpose', layout.transposeRule],
  ['Concat', layout.concatRule],
  ['Split', layout.splitRule],
  ['Cast', layout.castRule],
  ['Expand', layout.expandRule],
  ['Gather', indexing.gatherRule],
  ['GatherElements', indexing.gatherElementsRule],
  ['GatherND', indexing.selectRowsRule],
  ['ScatterElements', indexing.scatterAddRule],
  ['ReduceSum', reduceSumRule],
  ['ReduceMean', reduceMeanRule],
  ['Softmax', softmaxRule],
  ['LogSoftmax', logSoftmaxRule],
  ['SimplifiedLayerNormalization', rmsNormRule],
  ['RotaryEmbedding', rotaryRule],
  ['Where', whereRule],
]);
