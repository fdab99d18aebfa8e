import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DomainError } from '@openledger/kernel';
import fc from 'fast-check';
import type { Tensor } from '../model.js';
import { decodeFloats, encodeFloats } from './dtype.js';
import { parseSafetensors, readSafetensors } from './read.js';
import { openWeights, readWeights } from './sharded.js';
import type { StoredTensor } from './stored.js';
import { encodeSafetensors, writeSafetensors } from './write.js';

const tensors = new Map<string, Tensor>([
  ['b.weight', { shape: [2, 3], data: Float32Array.of(1, -2, 0.5, 3.25, -0, 1e-3) }],
  ['a.bias', { shape: [2], data: Float32Array.of(7, -7) }],
]);

function fileOf(header: object | string, data = new Uint8Array(0)): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

describe('safetensors', () => {
  it('writes what it reads, in the order of names and with its metadata', () => {
    const bytes = encodeSafetensors(tensors, { metadata: { format: 'pt' } });
    const { tensors: read, metadata } = parseSafetensors(bytes);
    expect([...read.keys()]).toEqual(['a.bias', 'b.weight']);
    expect(read.get('b.weight')).toEqual(tensors.get('b.weight'));
    expect(metadata).toEqual({ format: 'pt' });
    expect((bytes.length - 8 * 4) % 8).toBe(0);
  });

  it('reads the same from a file, tensor by tensor', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'safetensors-'));
    const path = join(folder, 'x.safetensors');
    await writeSafetensors(path, tensors, { dtype: 'BF16' });
    const { tensors: read } = await readSafetensors(path);
    expect([...(read.get('b.weight')?.data ?? [])]).toEqual([1, -2, 0.5, 3.25, -0, 0.00099945068359375]);
  });

  it('rounds to the nearest bfloat16 and float16, ties to even', () => {
    const values = Float32Array.of(1.00390625, 1.01171875, 65520, 5.9604645e-8, 2.9802322e-8, -1e-9, 0.1);
    expect([...decodeFloats('BF16', encodeFloats('BF16', values)).slice(0, 2)]).toEqual([1, 1.015625]);
    const halves = decodeFloats('F16', encodeFloats('F16', values));
    expect([...halves.slice(2)]).toEqual([65504, 2 ** -24, 0, -0, Math.fround(0.0999755859375)]);
  });

  it('keeps every float16 value and every bfloat16 value', () => {
    const all = new Uint8Array(new Uint16Array(65_536).map((_, bits) => bits).buffer);
    for (const dtype of ['F16', 'BF16'] as const) {
      const floats = decodeFloats(dtype, all);
      const again = decodeFloats(dtype, encodeFloats(dtype, floats));
      const differing = floats.findIndex((value, at) => !Object.is(value, again[at]));
      expect({ dtype, differing }).toEqual({ dtype, differing: -1 });
    }
  });

  const f32 = (shape: unknown, offsets: unknown) => ({ dtype: 'F32', shape, data_offsets: offsets });
  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['a huge header length', Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127)],
    ['a header beyond the end', Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0, 123)],
    ['no JSON', fileOf('{"a":')],
    ['an array', fileOf('[]')],
    ['an unknown type', fileOf({ a: { ...f32([1], [0, 4]), dtype: 'I64' } }, new Uint8Array(4))],
    ['a negative dimension', fileOf({ a: f32([-1], [0, 4]) }, new Uint8Array(4))],
    ['an overflowing shape', fileOf({ a: f32([2 ** 40, 2 ** 40], [0, 4]) }, new Uint8Array(4))],
    ['a shape that disagrees with its bytes', fileOf({ a: f32([2], [0, 4]) }, new Uint8Array(4))],
    ['a gap', fileOf({ a: f32([1], [4, 8]) }, new Uint8Array(8))],
    ['an overlap', fileOf({ a: f32([1], [0, 4]), b: f32([1], [0, 4]) }, new Uint8Array(4))],
    ['bytes after the last tensor', fileOf({ a: f32([1], [0, 4]) }, new Uint8Array(5))],
    ['a tensor beyond the end', fileOf({ a: f32([2], [0, 8]) }, new Uint8Array(4))],
  ])('refuses %s', (_, bytes) => {
    expect(() => parseSafetensors(bytes)).toThrow(DomainError);
  });

  it('refuses more tensors than the limit before reading any', () => {
    const many = Object.fromEntries(Array.from({ length: 5 }, (_, at) => [`t${at}`, f32([0], [0, 0])]));
    expect(() => parseSafetensors(fileOf(many), { maxHeaderBytes: 10_000, maxTensors: 3 })).toThrow(
      'more than 3',
    );
    expect(() => parseSafetensors(fileOf(many), { maxHeaderBytes: 20, maxTensors: 9 })).toThrow(
      'over the limit',
    );
  });

  it('never fails in another way, and never reads tensors of a wrong size, on damaged files', () => {
    const good = encodeSafetensors(tensors);
    const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(damage, fc.nat(good.length), (changes, cut) => {
        const bytes = good.slice(0, cut % 3 === 0 ? cut : good.length);
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        try {
          for (const { shape, data } of parseSafetensors(bytes).tensors.values()) {
            expect(data.length).toBe(shape.reduce((product, dimension) => product * dimension, 1));
          }
        } catch (error) {
          if (!(error instanceof DomainError)) throw error;
        }
      }),
      { numRuns: 3000, seed: 1 },
    );
  });
});

describe('sharded weights', () => {
  const shard = (name: string) => new Map([...tensors].filter(([key]) => key === name));

  async function folderOf(index: object): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'shards-'));
    await writeSafetensors(join(folder, 'model-00001-of-00002.safetensors'), shard('a.bias'));
    await writeSafetensors(join(folder, 'model-00002-of-00002.safetensors'), shard('b.weight'));
    await writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify(index));
    return folder;
  }

  it('joins the shards that the index lists', async () => {
    const folder = await folderOf({
      weight_map: {
        'a.bias': 'model-00001-of-00002.safetensors',
        'b.weight': 'model-00002-of-00002.safetensors',
      },
    });
    expect(await readWeights(folder)).toEqual(tensors);
  });

  it('stay in their files until they are read, whole or a few rows, and not after closing', async () => {
    const folder = await folderOf({
      weight_map: {
        'a.bias': 'model-00001-of-00002.safetensors',
        'b.weight': 'model-00002-of-00002.safetensors',
      },
    });
    const { weights, close } = await openWeights(folder);
    for (const [name, { shape, data }] of tensors) {
      const stored = weights.get(name);
      expect(stored?.shape).toEqual(shape);
      expect(stored?.data).toEqual(data);
    }
    const [name, { shape, data }] = [...tensors].find(([key]) => key === 'b.weight') ?? [
      '',
      { shape: [0], data: [] },
    ];
    const stored = weights.get(name);
    const width = data.length / (shape[0] ?? 1);
    expect((stored as StoredTensor).rows(1, 2)).toEqual(data.slice(width, 2 * width));
    close();
    expect(() => stored?.data).toThrow('closed');
  });

  it.each<[string, object]>([
    ['no map', {}],
    ['a path out of the folder', { weight_map: { 'a.bias': '../x.safetensors' } }],
    ['a tensor in the wrong shard', { weight_map: { 'a.bias': 'model-00002-of-00002.safetensors' } }],
    [
      'a tensor that no shard holds',
      {
        weight_map: {
          'a.bias': 'model-00001-of-00002.safetensors',
          'c.bias': 'model-00001-of-00002.safetensors',
        },
      },
    ],
  ])('refuses an index with %s', async (_, index) => {
    await expect(readWeights(await folderOf(index))).rejects.toThrow(DomainError);
  });
});
