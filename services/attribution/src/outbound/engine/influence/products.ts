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
  private constructor(private readonly session: Session) {}

  static async open(options: SessionOptions): Promise<Products> {
    const graph = new Graph();
    const a = graph.input('a', 'float32', ['n', 'w']);
    const b = graph.input('b', 'float32', ['m', 'w']);
    graph.output('rowsByRows', matmul(a, b, { transposeB: true }));
    const c = graph.input('c', 'float32', ['k', 'n']);
    graph.output('mixed', matmul(c, a));
    return new Products(await Session.open(graph, options));
  }

  /** a · bᵀ: the inner product of each row of `a` with each of `b`, [a.rows × b.rows]. */
  async inner(a: Matrix, b: Matrix): Promise<Matrix> {
    return this.run('rowsByRows', new Map([...fed('a', a), ...fed('b', b), ...fed('c', nothing(a.rows))]));
  }

  /** c · a: weighted sums of the rows of `a`, [c.rows × a.columns]. */
  async mixed(c: Matrix, a: Matrix): Promise<Matrix> {
    return this.run('mixed', new Map([...fed('a', a), ...fed('c', c), ...fed('b', nothing(a.columns))]));
  }

  async release(): Promise<void> {
    await this.session.release();
  }

  private async run(name: string, feeds: Map<string, Tensor>): Promise<Matrix> {
    const result = (await this.session.run(feeds, [name])).get(name);
    invariant(result, `the product ${name} is missing`);
    const [rows = 0, columns = 0] = result.shape;
    return { rows, columns, data: result.data };
  }
}

const fed = (name: string, { rows, columns, data }: Matrix): [string, Tensor][] => [
  [name, { shape: [rows, columns], data }],
];
/** The runtime wants every input; what is not fetched is not computed. */
const nothing = (columns: number): Matrix => ({ rows: 1, columns, data: new Float32Array(columns) });
