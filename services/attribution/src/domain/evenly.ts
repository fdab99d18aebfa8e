/** `size` of the numbers from 0 to `count` − 1, at equal distances. */
export const evenly = (count: number, size: number): number[] =>
  Array.from({ length: size }, (_, i) => Math.floor((i * count) / size));
