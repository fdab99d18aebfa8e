import { isUtf8 } from 'node:buffer';
import {
  type InferParameter,
  type ModelInferRequest,
  type ModelInferRequest_InferInputTensor,
  ModelInferResponse,
} from '@openledger/contracts';
import { DomainError } from '@openledger/kernel';

export const INPUT = 'text_input';
export const OUTPUT = 'text_output';
/** Of an element of type BYTES in raw contents: an unsigned 32-bit length, little-endian, before the bytes. */
const LENGTH_BYTES = 4;

/** The text of the one input tensor. @throws DomainError TENSOR_INVALID */
export function textOf({ inputs, outputs, rawInputContents }: ModelInferRequest): string {
  const [input] = inputs;
  if (inputs.length !== 1 || input?.name !== INPUT) throw invalid(`Send one input tensor, "${INPUT}".`);
  const count = input.shape.reduce((product, size) => product * size, 1);
  if (input.datatype !== 'BYTES' || count !== 1 || input.shape.length > 2)
    throw invalid(`"${INPUT}" is of datatype BYTES and shape [1].`);
  if (outputs.some(({ name }) => name !== OUTPUT)) throw invalid(`The one output tensor is "${OUTPUT}".`);
  const bytes = rawInputContents.length > 0 ? fromRaw(rawInputContents) : fromContents(input);
  if (!isUtf8(bytes)) throw invalid(`"${INPUT}" is not valid UTF-8.`);
  return bytes.toString();
}

function fromRaw([raw, ...more]: readonly Buffer[]): Buffer {
  const length = raw && raw.length >= LENGTH_BYTES ? raw.readUInt32LE() : -1;
  if (raw && more.length === 0 && raw.length === LENGTH_BYTES + length) return raw.subarray(LENGTH_BYTES);
  throw invalid('The raw contents of BYTES are a length in 4 bytes, little-endian, and so many bytes.');
}

function fromContents({ contents }: ModelInferRequest_InferInputTensor): Buffer {
  const [bytes, ...more] = contents?.bytesContents ?? [];
  if (bytes && more.length === 0) return bytes;
  throw invalid(`"${INPUT}" has one element, in bytes_contents.`);
}

/** Told in the form in which the request came. */
export function responseOf(
  { modelName, id, rawInputContents }: ModelInferRequest,
  answer: { readonly text: string; readonly version: string; readonly parameters: Record<string, Scalar> },
): ModelInferResponse {
  const bytes = Buffer.from(answer.text);
  const isRaw = rawInputContents.length > 0;
  const parameters = Object.entries(answer.parameters);
  return ModelInferResponse.fromPartial({
    modelName,
    modelVersion: answer.version,
    id,
    parameters: Object.fromEntries(parameters.map(([name, value]) => [name, toParameter(value)])),
    outputs: [
      {
        name: OUTPUT,
        datatype: 'BYTES',
        shape: [1],
        ...(isRaw ? {} : { contents: { bytesContents: [bytes] } }),
      },
    ],
    rawOutputContents: isRaw ? [withLength(bytes)] : [],
  });
}

function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
}

type Scalar = string | number | boolean;

function toParameter(value: Scalar): InferParameter {
  switch (typeof value) {
    case 'string':
      return { parameterChoice: { $case: 'stringParam', value } };
    case 'boolean':
      return { parameterChoice: { $case: 'boolParam', value } };
    default:
      return { parameterChoice: { $case: 'int64Param', value } };
  }
}

const invalid = (message: string): DomainError => new DomainError('invalid', 'TENSOR_INVALID', message);
