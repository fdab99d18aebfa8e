import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { invariant } from '@openledger/kernel';
import type { Attribute, Graph, Initializer, Node, TensorData, Value } from '../graph.js';
import { ProtobufWriter } from './protobuf.js';
import { onnxTypes } from './types.js';

const irVersion = 10;
const opsets: readonly (readonly [domain: string, version: number])[] = [
  ['', 21],
  ['com.microsoft', 1],
];

/** Protobuf messages end at 2 GiB; larger models must keep their weights in a data file. */
const maxInlineBytes = 2 ** 31 - 1;

/** Alignment of tensors in the data file, so that a reader can map them (ONNX `ExternalData.md`). */
const externalAlignment = 4096;

/** Initializers smaller than this stay in the model file. */
const externalThresholdBytes = 1024;

interface External {
  readonly location: string;
  readonly offset: number;
}

/** The model with all its constants, as one ONNX file in memory. */
export function encodeModel(graph: Graph): Uint8Array {
  const model = modelMessage(graph, () => undefined);
  invariant(model.length <= maxInlineBytes, `the model has ${model.length} bytes; write it with a data file`);
  return model.toBytes();
}

/** An ONNX file whose larger constants the reader is given beside it, without a copy being made. */
export interface SplitModel {
  readonly model: Uint8Array;
  /** Name and content of each constant left out, in ONNX Runtime's form for its `externalData` option. */
  readonly externalData: readonly { readonly path: string; readonly data: Uint8Array }[];
}

/** Splits the model from its larger constants, for loading from memory at any size. */
export function splitModel(graph: Graph): SplitModel {
  const externalData: { path: string; data: Uint8Array }[] = [];
  const model = modelMessage(graph, ({ value, data }) => {
    if (data.byteLength < externalThresholdBytes) return undefined;
    externalData.push({ path: value.name, data: rawBytes(data) });
    return { location: value.name, offset: 0 };
  });
  return { model: model.toBytes(), externalData };
}

/**
 * Writes the model to `path` and its larger constants to `path.data`, one after the other, so that
 * memory stays bounded by the largest constant the caller already holds.
 */
export async function writeModel(graph: Graph, path: string): Promise<void> {
  const location = `${basename(path)}.data`;
  const placed: { readonly data: TensorData; readonly offset: number }[] = [];
  let end = 0;
  const model = modelMessage(graph, ({ data }) => {
    if (data.byteLength < externalThresholdBytes) return undefined;
    const offset = Math.ceil(end / externalAlignment) * externalAlignment;
    end = offset + data.byteLength;
    placed.push({ data, offset });
    return { location, offset };
  });
  await using dataFile = await open(`${path}.data`, 'w');
  for (const { data, offset } of placed) await writeAt(dataFile, rawBytes(data), offset);
  await dataFile.sync();
  await using modelFile = await open(path, 'w');
  await modelFile.writeFile(model.toBytes());
  await modelFile.sync();
}

/** A single write call moves at most 2 GiB, and may move less than it was given. */
const writeChunkBytes = 2 ** 30;

async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const wanted = Math.min(bytes.length - done, writeChunkBytes);
    const { bytesWritten } = await file.write(bytes, done, wanted, position + done);
    done += bytesWritten;
  }
}

type Placement = (initializer: Initializer) => External | undefined;

function modelMessage(graph: Graph, place: Placement): ProtobufWriter {
  const model = new ProtobufWriter();
  model.integer(1, irVersion);
  model.text(2, 'openledger');
  model.message(7, graphMessage(graph, place));
  for (const [domain, version] of opsets) {
    const opset = new ProtobufWriter();
    opset.text(1, domain);
    opset.integer(2, version);
    model.message(8, opset);
  }
  return model;
}

/** Constants of a node's body, which are few and small, stay with it. */
const inline: Placement = () => undefined;

function graphMessage(graph: Graph, place: Placement): ProtobufWriter {
  const message = new ProtobufWriter();
  for (const [index, node] of graph.nodes.entries()) message.message(1, nodeMessage(node, index));
  message.text(2, 'graph');
  for (const initializer of graph.initializers) {
    message.message(5, tensorMessage(initializer, place(initializer)));
  }
  for (const input of graph.inputs) message.message(11, valueMessage(input));
  for (const { value } of graph.outputs) message.message(12, valueMessage(value));
  return message;
}

function nodeMessage(node: Node, index: number): ProtobufWriter {
  const message = new ProtobufWriter();
  for (const input of node.inputs) message.text(1, input?.name ?? '');
  for (const output of node.outputs) message.text(2, output.name);
  message.text(3, `${node.op}_${index}`);
  message.text(4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) {
    message.message(5, attributeMessage(name, value));
  }
  if (node.domain !== '') message.text(7, node.domain);
  return message;
}

function attributeMessage(name: string, value: Attribute): ProtobufWriter {
  const message = new ProtobufWriter();
  message.text(1, name);
  if (typeof value === 'number') {
    message.integer(3, value);
    message.integer(20, 2);
  } else if (typeof value === 'string') {
    message.text(4, value);
    message.integer(20, 3);
  } else if ('float' in value) {
    message.float(2, value.float);
    message.integer(20, 1);
  } else if ('graph' in value) {
    message.message(6, graphMessage(value.graph, inline));
    message.integer(20, 5);
  } else {
    for (const item of value) message.integer(8, item);
    message.integer(20, 7);
  }
  return message;
}

function tensorMessage({ value, data }: Initializer, external: External | undefined): ProtobufWriter {
  const message = new ProtobufWriter();
  for (const dim of value.shape) message.integer(1, Number(dim));
  message.integer(2, onnxTypes[value.dtype]);
  message.text(8, value.name);
  if (!external) {
    message.bytes(9, rawBytes(data));
    return message;
  }
  const entries = { location: external.location, offset: external.offset, length: data.byteLength };
  for (const [key, entry] of Object.entries(entries)) {
    const pair = new ProtobufWriter();
    pair.text(1, key);
    pair.text(2, String(entry));
    message.message(13, pair);
  }
  message.integer(14, 1);
  return message;
}

function rawBytes(data: TensorData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function valueMessage(value: Value): ProtobufWriter {
  const shape = new ProtobufWriter();
  for (const dim of value.shape) {
    const dimension = new ProtobufWriter();
    if (typeof dim === 'number') dimension.integer(1, dim);
    else dimension.text(2, dim);
    shape.message(1, dimension);
  }
  const tensor = new ProtobufWriter();
  tensor.integer(1, onnxTypes[value.dtype]);
  tensor.message(2, shape);
  const type = new ProtobufWriter();
  type.message(1, tensor);
  const message = new ProtobufWriter();
  message.text(1, value.name);
  message.message(2, type);
  return message;
}
