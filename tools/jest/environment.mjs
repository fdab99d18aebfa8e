import { TestEnvironment } from 'jest-environment-node';

/**
 * Native addons hand out typed arrays of the outer realm. Sharing those constructors keeps
 * `instanceof Float32Array` true across the sandbox, which onnxruntime-node checks.
 */
export default class SharedTypedArrays extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    for (const type of [
      Float32Array,
      Float64Array,
      Int8Array,
      Int16Array,
      Int32Array,
      BigInt64Array,
      Uint8Array,
      Uint8ClampedArray,
      Uint16Array,
      Uint32Array,
      BigUint64Array,
      ArrayBuffer,
      SharedArrayBuffer,
    ]) {
      this.global[type.name] = type;
    }
  }
}
