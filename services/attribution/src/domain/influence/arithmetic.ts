type Floats = Float32Array | Float64Array;

/** Inner product, summed in double precision: gradients of many parameters cancel. */
export function dot(a: Floats, b: Floats): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** Euclidean length. */
export const lengthOf = (vector: Floats): number => Math.sqrt(dot(vector, vector));
