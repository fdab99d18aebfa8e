export { gradients, gradientsOfExamples } from './autodiff/gradients.js';
export { gradientRules } from './autodiff/rules.js';
export { type Dim, dimAt, type Shape } from './dimensions.js';
export {
  type Attribute,
  type DType,
  Graph,
  type Initializer,
  microsoftDomain,
  type Node,
  type TensorData,
  type Value,
} from './graph.js';
export { encodeModel, type SplitModel, splitModel, writeModel } from './onnx/write.js';
export { type Branch, branch } from './ops/branch.js';
export { cumulativeSum } from './ops/cumulative.js';
export {
  add,
  div,
  exp,
  log,
  mul,
  neg,
  reciprocal,
  scalarLike,
  sigmoid,
  silu,
  sqrt,
  sub,
} from './ops/elementwise.js';
export { gatherElements, gatherRows, nonZero, scatterAdd, selectRows } from './ops/indexing.js';
export {
  cast,
  concat,
  expandLike,
  reshape,
  reshapeLike,
  shapeOf,
  split,
  splitAfter,
  transpose,
  zerosLike,
} from './ops/layout.js';
export { greater, greaterOrEqual, range, sizeOf, where } from './ops/logic.js';
export { flatSize, type MatmulOptions, matmul, rowsOf } from './ops/matmul.js';
export { blockCount, matmulBlocks, type QuantizedBlocks, quantizeBlocks } from './ops/nbits.js';
export { rmsNorm } from './ops/normalization.js';
export {
  type MatrixRows,
  matmulBytes,
  matmulLevels,
  matrixRows,
  type QuantizedColumns,
  type QuantizedRows,
  quantizeRows,
  quantizeWeight,
} from './ops/quantize.js';
export { reduceMean, reduceSum, sumAll } from './ops/reduce.js';
export { type RotaryTables, rotary } from './ops/rotary.js';
export { logSoftmax, softmax } from './ops/softmax.js';
