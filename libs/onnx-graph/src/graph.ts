import { InvariantError } from '@openledger/kernel';
import type { Dim, Shape } from './dimensions.js';

export type DType =
  | 'float32'
  | 'float64'
  | 'int32'
  | 'int64'
  | 'bool'
  | 'uint8'
  | 'int8'
  | 'float16'
  | 'bfloat16';

export type TensorData =
  | Float32Array
  | Float64Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Int8Array
  | Uint16Array;

export type Attribute =
  | number
  | { readonly float: number }
  | { readonly graph: Graph }
  | string
  | readonly number[];
export type Attributes = Readonly<Record<string, Attribute>>;

/** A tensor flowing through a {@link Graph}. */
export interface Value {
  readonly graph: Graph;
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** One ONNX operator application. An absent optional input is `undefined`. */
export interface Node {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}

/** A constant stored with the model, borrowed and never copied until the model is written. */
export interface Initializer {
  readonly value: Value;
  readonly data: TensorData;
}

export interface NodeSpec {
  readonly op: string;
  readonly domain?: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly { readonly dtype: DType; readonly shape: Shape }[];
  readonly attributes?: Attributes;
}

/** Operators of ONNX Runtime that the standard does not have. */
export const microsoftDomain = 'com.microsoft';

/** Element types of small constants. */
export type ConstantType = 'int64' | 'float32' | 'float64' | 'uint8';

/**
 * A dataflow graph in static single assignment. Nodes are kept in the order of their creation, which
 * is a topological order because a node can only use values that exist.
 */
export class Graph {
  readonly inputs: Value[] = [];
  readonly outputs: { readonly name: string; readonly value: Value }[] = [];
  readonly nodes: Node[] = [];
  readonly initializers: Initializer[] = [];
  readonly #names: Set<string>;
  readonly #constants = new Map<string, Value>();
  readonly #data = new Map<Value, TensorData>();
  #counter = 0;

  /** With an `outer` graph this is the body of one of its nodes, which may use the values around it. */
  constructor(private readonly outer?: Graph) {
    this.#names = outer ? outer.#names : new Set();
  }

  /** A value of an outer graph, for operators of this one. */
  borrow(value: Value): Value {
    if (!this.#sees(value)) throw new InvariantError(`${value.name} belongs to another graph`);
    return { ...value, graph: this };
  }

  #sees(value: Value): boolean {
    for (let graph: Graph | undefined = this; graph; graph = graph.outer) {
      if (value.graph === graph) return true;
    }
    return false;
  }

  /** A tensor the caller feeds on every run. */
  input(name: string, dtype: DType, shape: Shape): Value {
    const value = this.#value(name, dtype, shape);
    this.inputs.push(value);
    return value;
  }

  /** A named constant such as a weight. `data` must have exactly the size that `shape` says. */
  initializer(name: string, dtype: DType, shape: readonly number[], data: TensorData): Value {
    const size = shape.reduce((product, dim) => product * dim, 1);
    if (data.length !== size) {
      throw new InvariantError(`${name} has ${data.length} elements, [${shape.join(', ')}] needs ${size}`);
    }
    const value = this.#value(name, dtype, shape);
    this.initializers.push({ value, data });
    this.#data.set(value, data);
    return value;
  }

  /** A small constant; equal ones are stored once. */
  constant(dtype: ConstantType, values: readonly number[], shape?: readonly number[]): Value {
    if (this.outer) return this.outer.constant(dtype, values, shape);
    const dims = shape ?? [values.length];
    const key = `${dtype}[${dims.join(',')}]${values.map((v) => (Object.is(v, -0) ? '-0' : v)).join(',')}`;
    const known = this.#constants.get(key);
    if (known) return known;
    const value = this.initializer(this.#fresh('constant'), dtype, dims, constantData(dtype, values));
    this.#constants.set(key, value);
    return value;
  }

  /** A 0-dimensional constant. */
  scalar(dtype: ConstantType, value: number): Value {
    return this.constant(dtype, [value], []);
  }

  /** The data of a constant, or undefined where `value` is computed or fed. */
  dataOf(value: Value): TensorData | undefined {
    return this.#data.get(value);
  }

  /** Applies an operator with any number of outputs. */
  apply(spec: NodeSpec): Value[] {
    for (const input of spec.inputs) {
      if (input && !this.#sees(input)) throw new InvariantError(`${input.name} belongs to another graph`);
    }
    const stem = this.#fresh(spec.op);
    const outputs = spec.outputs.map(({ dtype, shape }, index) =>
      this.#value(`${stem}.${index}`, dtype, shape),
    );
    const { op, domain = '', inputs, attributes = {} } = spec;
    this.nodes.push({ op, domain, inputs, outputs, attributes });
    return outputs;
  }

  /** Applies an operator with one output. */
  one(op: string, inputs: readonly (Value | undefined)[], result: ResultSpec): Value {
    const { dtype, shape, attributes, domain } = result;
    const [value] = this.apply({
      op,
      inputs,
      outputs: [{ dtype, shape }],
      ...(attributes ? { attributes } : {}),
      ...(domain ? { domain } : {}),
    });
    if (!value) throw new InvariantError(`${op} made no output`);
    return value;
  }

  /** Makes a value readable under `name` after a run. */
  output(name: string, value: Value): void {
    if (this.outputs.some((output) => output.name === name)) {
      throw new InvariantError(`output ${name} is declared twice`);
    }
    const named = value.name === name ? value : this.#identity(name, value);
    this.outputs.push({ name, value: named });
  }

  #identity(name: string, value: Value): Value {
    const named = this.#value(name, value.dtype, value.shape);
    this.nodes.push({ op: 'Identity', domain: '', inputs: [value], outputs: [named], attributes: {} });
    return named;
  }

  #value(name: string, dtype: DType, shape: readonly Dim[]): Value {
    if (name === '' || this.#names.has(name)) throw new InvariantError(`value name "${name}" is taken`);
    this.#names.add(name);
    return { graph: this, name, dtype, shape };
  }

  #fresh(stem: string): string {
    if (this.outer) return this.outer.#fresh(stem);
    this.#counter += 1;
    return `${stem}_${this.#counter}`;
  }
}

export interface ResultSpec {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly attributes?: Attributes;
  readonly domain?: string;
}

function constantData(dtype: ConstantType, values: readonly number[]): TensorData {
  if (dtype === 'int64') return BigInt64Array.from(values, BigInt);
  if (dtype === 'uint8') return Uint8Array.from(values);
  return dtype === 'float32' ? Float32Array.from(values) : Float64Array.from(values);
}
