import type { Bed, Length } from './bed-types.js';
import { seedlingBed } from './seedling-bed.js';
import { tinyBed } from './tiny-bed.js';

export type { Bed, BedBase, Length } from './bed-types.js';

export type BedName = `${'tiny' | 'seedling'}-${Length}`;

export const bedNames: readonly BedName[] = ['tiny-s', 'tiny-l', 'seedling-s', 'seedling-l'];

export function openBed(name: BedName): Promise<Bed> {
  const length: Length = name.endsWith('-l') ? 'l' : 's';
  return name.startsWith('tiny') ? tinyBed(length) : seedlingBed(length);
}
