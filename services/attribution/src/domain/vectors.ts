/** Inner product, summed in double precision: gradients of many parameters cancel. */
export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

export const norm = (vector: Float32Array): number => Math.sqrt(dot(vector, vector));

/** Adds `vector` to `sum` in place. */
export function addTo(sum: Float32Array, vector: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (vector[i] ?? 0);
}

/** The vector with its length changed to `length`; a zero vector stays one. */
export function scaledTo(vector: Float32Array, length: number): Float32Array {
  const own = norm(vector);
  return own === 0 ? vector : vector.map((value) => (value * length) / own);
}
