import { Graph } from '@openledger/onnx-graph';
import { Session } from '@openledger/transformer';

/** ONNX Runtime's MatMulInteger of rows of bytes with a query of bytes (it takes no 16-bit ones). */
export class IntegerMatmul {
  private constructor(
    private readonly session: Session,
    private readonly feeds: ReadonlyMap<string, { shape: number[]; data: Int8Array }>,
  ) {}

  static async open(rows: Int8Array, query: Int8Array, threads: number): Promise<IntegerMatmul> {
    const k = query.length;
    const count = rows.length / k;
    const graph = new Graph();
    const left = graph.input('rows', 'int8', [count, k]);
    const right = graph.input('query', 'int8', [k, 1]);
    const products = graph.one('MatMulInteger', [left, right], { dtype: 'int32', shape: [count, 1] });
    const numbers = { dtype: 'float32', shape: [count, 1], attributes: { to: FLOAT } } as const;
    graph.output('products', graph.one('Cast', [products], numbers));
    const feeds = new Map([
      ['rows', { shape: [count, k], data: rows }],
      ['query', { shape: [k, 1], data: query }],
    ]);
    return new IntegerMatmul(await Session.open(graph, { threads, spin: true }), feeds);
  }

  async products(): Promise<Float32Array> {
    const { data } = (await this.session.run(this.feeds, ['products'])).get('products') ?? {};
    return data ?? new Float32Array(0);
  }

  release(): Promise<void> {
    return this.session.release();
  }
}

/** TensorProto.DataType */
const FLOAT = 1;
