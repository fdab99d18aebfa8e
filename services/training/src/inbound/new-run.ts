import { targetModules } from '@openledger/transformer';
import { z } from 'zod';
import type { FirstPrice } from '../domain/run.js';

export const weiPerMillion = z
  .string()
  .regex(/^\d{1,30}$/, 'a whole number of wei, not negative, as a string');
/** No list makes a cached token dearer than another. */
export const cachedIsNoDearer = (price: FirstPrice): boolean =>
  BigInt(price.cachedPromptWeiPerMillion ?? 0) <= BigInt(price.promptWeiPerMillion);
export const CACHED_TOO_DEAR = 'a cached prompt token may not cost more than another prompt token';

/** Names are what callers put in `model`. */
export const modelName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{1,63}$/, 'lower-case letters, digits, dots and dashes');
const FREE = { promptWeiPerMillion: '0', completionWeiPerMillion: '0' };

const Lora = z.strictObject({
  rank: z.int().min(1).max(128).default(8),
  alpha: z.number().positive().max(1_024).default(16),
  targetModules: z
    .array(z.enum(targetModules))
    .min(1)
    .default([...targetModules]),
});

/** Body of `POST /training-runs`. A model that has a price is in commercial use. */
export const NewRun = z
  .strictObject({
    modelName,
    datanetIds: z.array(z.string()).min(1).max(32),
    /** Whom the model stands on: those behind that model earn a royalty of what this one earns. */
    forkOf: modelName.optional(),
    lora: Lora.prefault({}),
    epochs: z.int().min(1).max(100).default(3),
    batchRows: z.int().min(1).max(64).default(8),
    learningRate: z.number().positive().max(0.1).default(0.001),
    maxTokens: z.int().min(16).max(8_192).default(256),
    seed: z.int().min(0).default(1),
    heldOutPercent: z.number().min(1).max(50).default(10),
    minLossDrop: z.number().min(0).max(1).default(0.01),
    price: z
      .strictObject({
        promptWeiPerMillion: weiPerMillion,
        cachedPromptWeiPerMillion: weiPerMillion.optional(),
        completionWeiPerMillion: weiPerMillion,
      })
      .refine(cachedIsNoDearer, CACHED_TOO_DEAR)
      .default(FREE),
  })
  .transform((plan) => ({
    ...plan,
    commercial: Object.values(plan.price).some((wei) => BigInt(wei ?? 0) > 0n),
  }));
