import { invariant } from '@openledger/kernel';
import {
  add,
  branch,
  concat,
  dimAt,
  type Graph,
  gatherRows,
  greater,
  matmul,
  matmulBytes,
  mul,
  quantizeRows,
  reduceSum,
  split,
  type Value,
  where,
} from '@openledger/onnx-graph';
import type { ModelConfig, TargetModule } from '../model.js';
import { modulePath, moduleShape } from './parameters.js';

/** Rank of one page; an adapter of rank r takes ⌈r / 8⌉ of them, whose products add up to its own. */
export const pageRank = 8;

/** Modules with the same input, which share the way down to the low rank, in graph order. */
export const moduleGroups = [
  ['q_proj', 'k_proj', 'v_proj'],
  ['o_proj'],
  ['gate_proj', 'up_proj'],
  ['down_proj'],
] as const satisfies readonly (readonly TargetModule[])[];

/** How adapters are packed: in bytes, as the weights of int8 layers, or as in their files. */
export type Packing = 'float32' | 'int8';

/** The paged tensors of one layer's group of modules, by the names of their graph inputs. */
export interface GroupPages {
  readonly layer: number;
  readonly modules: readonly TargetModule[];
  readonly used: string;
  /** int8 [pages, in, modules · 8], or float32 [pages · modules · 8, in]. */
  readonly down: string;
  /** float32 [pages, 1, modules · 8], only with int8: what a product of levels of A and B is worth. */
  readonly scales: string;
  /** Length of a rank row of A. */
  readonly input: number;
  /** float32 [.., .., width, out] by module; levels widened to floats where A is in bytes. */
  readonly up: readonly { readonly name: string; readonly path: string; readonly out: number }[];
}

export function groupPages(config: ModelConfig): GroupPages[] {
  return [...Array(config.layerCount).keys()].flatMap((layer) =>
    moduleGroups.map((modules) => {
      const stem = `adapters.${layer}.${modules.join('+')}`;
      return {
        layer,
        modules,
        used: usedName(modules),
        down: `${stem}.A`,
        scales: `${stem}.scales`,
        input: moduleShape(config, modules[0])[1],
        up: modules.map((module) => {
          const path = modulePath(layer, module);
          return { name: `${path}.B`, path, out: moduleShape(config, module)[0] };
        }),
      };
    }),
  );
}

export const usedName = (modules: readonly TargetModule[]): string => `uses.${modules.join('+')}`;
export const cellsName = (modules: number): string => `cells.${modules}`;

/** The base layers of a group: what deltas are added to, and the way from there to their outputs. */
export interface GroupBase {
  /** [batch, time, outputs of all modules]. */
  readonly product: Value;
  /** Factors of the rows that `finish` applies. */
  readonly scales: Value | undefined;
  readonly finish: (sum: Value) => readonly Value[];
}

/** Outputs of a group's modules for `x`, with what adapters add. */
export type AddDeltas = (
  x: Value,
  base: GroupBase,
  at: { readonly layer: number; readonly group: number },
) => readonly Value[];

interface Cells {
  readonly weights: Value;
  /** Where a weight is not 0. */
  readonly own: Value;
  readonly direct: Value;
  /** Whether each row adds up one cell. */
  readonly single: Value;
  readonly rowCells: Value;
  readonly rowShape: Value;
  readonly cellShape: Value;
}

/**
 * What adapters add to linear layers. All tokens are multiplied by the A of every page of the window at
 * once; then each cell, one row on its way through one slot (a page or two), has its own small product
 * with the slot's B. Only activations move: gathering adapter weights by row would copy them on every
 * step. A cell of one token is a product of one row, so how it is rounded depends neither on how many
 * others use its adapter nor on where that lies: what a slot holds beside the row's own ranks is
 * multiplied by zero, and zeros do not change a sum. For the same reason all values in a pool are finite.
 *
 * Inputs, besides those of {@link groupPages}: `uses.*`, whether adapters of the step change a group's
 * modules, else nothing is computed for it; `cells.N` int64 [N, grid, slots, time, width], for each of N
 * modules the places of the cells' values in the product with A; `cell_weights` float32 [grid, slots, 1,
 * width], the row's weight for the adapter, 0 beside its own ranks; `direct`, whether cells are rows in
 * order, else `row_cells` int64 [parts, batch] names the cells whose results a row adds up, which is one
 * where `single` says so; `row_shape` [batch, time, -1] and `cell_shape` [cells, time, -1].
 */
export function rankPages(graph: Graph, config: ModelConfig, packing: Packing): AddDeltas {
  const groups = groupPages(config);
  const weights = graph.input('cell_weights', 'float32', ['grid', 'slots', 1, 'width']);
  const zero = graph.scalar('float32', 0);
  const cells: Cells = {
    weights,
    own: greater(mul(weights, weights), zero),
    direct: graph.input('direct', 'bool', []),
    single: graph.input('single', 'bool', []),
    rowCells: graph.input('row_cells', 'int64', ['parts', 'batch']),
    rowShape: graph.input('row_shape', 'int64', [3]),
    cellShape: graph.input('cell_shape', 'int64', [3]),
  };
  const perGroup = moduleGroups.map((modules) => graph.input(usedName(modules), 'bool', []));
  const places = new Map(
    [1, 2, 3].map((count) => [
      count,
      graph.input(cellsName(count), 'int64', [count, 'grid', 'slots', 'time', 'width']),
    ]),
  );
  return (x, base, { layer, group }) => {
    const [pages, used] = [groups[layer * moduleGroups.length + group], perGroup[group]];
    const place = pages && places.get(pages.modules.length);
    invariant(pages && used && place, 'no such group of modules');
    const down = packing === 'int8' ? bytesDown(graph, x, pages) : floatsDown(graph, x, pages);
    const up = pages.up.map(({ name, out }) =>
      graph.input(name, 'float32', ['rows of slots', 'columns of slots', 'width', out]),
    );
    // What a product of bytes lacks is the factor of its row; the base may lack it as well.
    const missing = packing === 'int8' && !base.scales ? quantizeRows(x).scales : undefined;
    return branch(
      used,
      (body) => {
        const low = down(body, place, cells);
        const parts = up.length === 1 ? [low] : split(low, Array<number>(up.length).fill(1), 0);
        const products = parts.map((part, at) => upProduct(part, up[at]));
        const product = products.length === 1 && products[0] ? products[0] : concat(products, 4);
        const [delta = product] = branch(
          body.borrow(cells.direct),
          (rows) => [inRows(rows, product, cells)],
          (rows) => [selected(rows, product, cells)],
        );
        return base.finish(add(missing ? mul(delta, missing) : delta, base.product));
      },
      (body) => base.finish(body.borrow(base.product)),
    );
  };
}

type Down = (body: Graph, places: Value, cells: Cells) => Value;

/** Products of the base layer's own 8-bit activations, exact in integers; finite whatever the row holds. */
function bytesDown(graph: Graph, x: Value, { down, scales, input, modules }: GroupPages): Down {
  const width = modules.length * pageRank;
  const a = graph.input(down, 'int8', ['pages', input, width]);
  const worth = graph.input(scales, 'float32', ['pages', 1, width]);
  const { levels } = quantizeRows(x);
  return (body, places, { weights }) => {
    const tokens = reshaped(body.borrow(levels), [1, -1, input], [1, 'tokens', input]);
    return mul(gatherRows(reshaped(matmulBytes(tokens, a, worth), [-1], ['low']), places), weights);
  };
}

function floatsDown(graph: Graph, x: Value, { down, input }: GroupPages): Down {
  const a = graph.input(down, 'float32', ['ranks', input]);
  return (body, places, { own, weights }) => {
    const tokens = reshaped(body.borrow(x), [-1, input], ['tokens', input]);
    const low = matmul(body.borrow(a), tokens, { transposeB: true });
    const picked = gatherRows(reshaped(low, [-1], ['low']), places);
    // Another adapter's product with this row may have overflowed, and 0 · ∞ is not 0.
    return mul(where(body.borrow(own), picked, body.scalar('float32', 0)), weights);
  };
}

function upProduct(low: Value, b: Value | undefined): Value {
  invariant(b, 'a module has no B');
  const { graph } = low;
  const shape = [...low.shape.slice(0, -1), dimAt(b.shape, 3)];
  return graph.one('MatMul', [low, b], { dtype: 'float32', shape });
}

/** Cells that are rows in order already. */
function inRows(body: Graph, product: Value, { rowShape }: Cells): Value {
  const shape = ['batch', 'time', dimAt(product.shape, product.shape.length - 1)];
  return body.one('Reshape', [product, rowShape], { dtype: 'float32', shape });
}

/** Picks the cells of each row and adds them up. */
function selected(body: Graph, product: Value, cells: Cells): Value {
  const shape = ['cells', 'time', dimAt(product.shape, 4)];
  const byCell = body.one('Reshape', [product, cells.cellShape], { dtype: 'float32', shape });
  const picked = gatherRows(byCell, cells.rowCells);
  const [sum = picked] = branch(
    body.borrow(cells.single),
    (rows) => [inRows(rows, picked, cells)],
    // Over the outermost axis, where the runtime adds one after the other.
    (rows) => [reduceSum(rows.borrow(picked), [0], false)],
  );
  return sum;
}

/** A view of other sizes, where `target` is in the terms of ONNX `Reshape`. */
function reshaped(x: Value, target: readonly number[], shape: Value['shape']): Value {
  return x.graph.one('Reshape', [x, x.graph.constant('int64', target)], { dtype: x.dtype, shape });
}
