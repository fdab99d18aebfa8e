import * as elementwise from '../ops/elementwise.js';
import * as indexing from '../ops/indexing.js';
import * as layout from '../ops/layout.js';
import { whereRule } from '../ops/logic.js';
import { matmulRule } from '../ops/matmul.js';
import { rmsNormRule } from '../ops/normalization.js';
import { reduceMeanRule, reduceSumRule } from '../ops/reduce.js';
import { rotaryRule } from '../ops/rotary.js';
import { logSoftmaxRule, softmaxRule } from '../ops/softmax.js';
import type { GradientRule } from './rule.js';

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
