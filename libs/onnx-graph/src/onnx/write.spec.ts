import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { runGraph } from '../../test/numeric-gradient.js';
import { add, concat, Graph, matmul, range, reshape, sizeOf } from '../index.js';
import { ProtobufWriter } from './protobuf.js';
import { encodeModel, splitModel, writeModel } from './write.js';

function affine(): Graph {
  const graph = new Graph();
  const x = graph.input('x', 'float32', ['rows', 64]);
  const weight = Float32Array.from({ length: 64 * 32 }, (_, i) => (i % 7) - 3);
  const w = graph.initializer('w', 'float32', [64, 32], weight);
  const b = graph.initializer(
    'b',
    'float32',
    [32],
    Float32Array.from({ length: 32 }, (_, i) => i),
  );
  graph.output('y', add(matmul(x, w), b));
  return graph;
}
const feeds = {
  x: new Tensor(
    'float32',
    Float32Array.from({ length: 128 }, (_, i) => i % 5),
    [2, 64],
  ),
};

describe('ProtobufWriter', () => {
  it('writes the examples of the protobuf encoding guide', () => {
    const inner = new ProtobufWriter();
    inner.integer(1, 150);
    const outer = new ProtobufWriter();
    outer.text(2, 'testing');
    outer.message(3, inner);
    expect(Buffer.from(outer.toBytes()).toString('hex')).toBe('120774657374696e671a03089601');
  });

  it('writes negative numbers in ten bytes and floats in little endian', () => {
    const writer = new ProtobufWriter();
    writer.integer(1, -2);
    writer.float(2, 1);
    expect(Buffer.from(writer.toBytes()).toString('hex')).toBe('08feffffffffffffffff01150000803f');
    expect(writer.length).toBe(16);
  });
});

describe('a written model', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'onnx-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('computes the same inline, split in memory, and with a data file', async () => {
    const { y: inline } = await runGraph(affine(), feeds);
    const expected = Array.from({ length: 2 }, (_r, row) =>
      Array.from({ length: 32 }, (_c, column) => {
        let sum = column;
        for (let k = 0; k < 64; k += 1) sum += ((row * 64 + k) % 5) * (((k * 32 + column) % 7) - 3);
        return sum;
      }),
    ).flat();
    expect(inline).toEqual(expected);

    const { model, externalData } = splitModel(affine());
    expect(externalData.map(({ path }) => path)).toEqual(['w']);
    const split = await InferenceSession.create(model, { externalData: [...externalData] });
    expect(Array.from((await split.run(feeds)).y?.data as Float32Array)).toEqual(expected);

    const path = join(folder, 'model.onnx');
    await writeModel(affine(), path);
    expect((await stat(`${path}.data`)).size).toBe(64 * 32 * 4);
    const filed = await InferenceSession.create(path);
    expect(Array.from((await filed.run(feeds)).y?.data as Float32Array)).toEqual(expected);
    for (const session of [split, filed]) await session.release();
  });

  it('accepts any size of a named dimension', async () => {
    const session = await InferenceSession.create(encodeModel(affine()));
    for (const rows of [1, 5]) {
      const x = new Tensor('float32', new Float32Array(rows * 64), [rows, 64]);
      expect((await session.run({ x })).y?.dims).toEqual([rows, 32]);
    }
    await session.release();
  });

  it('keeps the run-time sizes it names', async () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', ['rows', 64]);
    const steps = reshape(range(sizeOf(x, 0), 'rows'), ['rows', 1]);
    graph.output('steps', concat([steps, steps], 1));
    expect((await runGraph(graph, feeds)).steps).toEqual([0, 0, 1, 1]);
  });
});

describe('Graph', () => {
  it('refuses what would make a wrong model', () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', [2, 3]);
    expect(() => graph.input('x', 'float32', [1])).toThrow('"x" is taken');
    expect(() => graph.initializer('w', 'float32', [2, 2], new Float32Array(3))).toThrow('3 elements');
    expect(() => add(x, new Graph().input('z', 'float32', [3]))).toThrow('another graph');
    expect(() => matmul(x, x)).toThrow('inner sizes differ');
    expect(() => add(x, graph.input('y', 'float32', [2, 4]))).toThrow('cannot broadcast');
    graph.output('r', x);
    expect(() => graph.output('r', x)).toThrow('declared twice');
  });

  it('stores equal constants once', () => {
    const graph = new Graph();
    expect(graph.scalar('float32', 2)).toBe(graph.scalar('float32', 2));
    expect(graph.scalar('float32', 0)).not.toBe(graph.scalar('float32', -0));
    expect(graph.constant('int64', [2])).not.toBe(graph.constant('float32', [2]));
  });
});
