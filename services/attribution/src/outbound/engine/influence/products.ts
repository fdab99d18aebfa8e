import { invariant } from '@openledger/kernel';
import { Graph, matmul } from '@openledger/onnx-graph';
import { Session, type SessionOptions, type Tensor } from '@openledger/transformer';

/** A matrix in row-major order. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float32Array;
}

/** Matrix products at the speed of the runtime's kernels; float32. */
export class Products {
  private constructor(
    private readonly rowsByRows: Session,
    private readonly weightedRows: Session,
  ) {}

  /** A graph for each: the runtime computes every output of a graph, fetched or not. */
  static async open(options: SessionOptions): Promise<Products> {
    const inner = new Graph();
    const rows = inner.input('a', 'float32', ['n', 'w']);
    inner.output('product', matmul(rows, inner.input('b', 'float32', ['m', 'w']), { transposeB: true }));
    const mixed = new Graph();
    const weights = mixed.input('a', 'float32', ['k', 'n']);
    mixed.output('product', matmul(weights, mixed.input('b', 'float32', ['n', 'w'])));
    return new Products(await Session.open(inner, options), await Session.open(mixed, options));
  }

  /** a · bᵀ: the inner product of each row of `a` with each of `b`, [a.rows × b.rows]. */
  inner(a: Matrix, b: Matrix): Promise<Matrix> {
    return product(this.rowsByRows, a, b);
  }

  /** c · a: weighted sums of the rows of `a`, [c.rows × a.columns]. */
  mixed(c: Matrix, a: Matrix): Promise<Matrix> {
    return product(this.weightedRows, c, a);
  }

  async release(): Promise<void> {
    await this.rowsByRows.release();
    await this.weightedRows.release();
  }
}

async function product(session: Session, a: Matrix, b: Matrix): Promise<Matrix> {
  const feeds = new Map([
    ['a', tensorOf(a)],
    ['b', tensorOf(b)],
  ]);
  const result = (await session.run(feeds, ['product'])).get('product');
  invariant(result, 'the product is missing');
  const [rows = 0, columns = 0] = result.shape;
  return { rows, columns, data: result.data };
}

const tensorOf = ({ rows, columns, data }: Matrix): Tensor => ({ shape: [rows, columns], data });
