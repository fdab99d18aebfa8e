import { z } from 'zod';

/** As the gateway allows them; each costs scorings. */
const CHUNKS_MAX = 16;

/** Where the retrieved chunks stand in the prompt: part of the receipt's tokens. */
export const contextRanges = z
  .array(z.object({ recordId: z.string(), start: z.int().min(0), end: z.int().min(0) }))
  .max(CHUNKS_MAX);

export type ContextRange = z.infer<typeof contextRanges>[number];
