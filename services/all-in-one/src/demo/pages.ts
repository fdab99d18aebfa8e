import { z } from 'zod';

/** What the loop reads from the public API; unknown fields are ignored. */
export const Organisation = z.object({ organisationId: z.string() });
export const ApiKey = z.object({ key: z.string() });
export const Datanet = z.object({ datanetId: z.string() });

export const Upload = z.object({
  contributionId: z.string(),
  typedData: z.object({
    domain: z.record(z.string(), z.unknown()),
    types: z.record(z.string(), z.array(z.object({ name: z.string(), type: z.string() }))),
    message: z.record(z.string(), z.unknown()),
  }),
});

export const Contribution = z.object({
  status: z.string(),
  acceptedCount: z.number().default(0),
  rejectedCount: z.number().default(0),
  quarantinedCount: z.number().default(0),
  reasons: z.array(z.object({ code: z.string(), message: z.string(), count: z.number() })).default([]),
});

export const Parties = z.object({ parties: z.array(z.object({ partyId: z.string() })) });

export const Party = z.object({
  partyId: z.string(),
  contributorIds: z.array(z.string()),
  reason: z.string(),
});

export const TrainingRun = z.object({
  id: z.string(),
  modelId: z.string(),
  status: z.string(),
  failure: z.string().optional(),
  adapterDigest: z.string().optional(),
  progress: z
    .object({ step: z.number(), steps: z.number(), loss: z.number(), tokensPerSecond: z.number() })
    .optional(),
  evaluation: z
    .object({ baseLoss: z.number(), adapterLoss: z.number(), heldOutRecords: z.number() })
    .optional(),
});

export const Models = z.object({ data: z.array(z.object({ id: z.string() })) });

export const AttributionIndex = z.object({
  state: z.string(),
  progress: z.object({ record: z.number(), records: z.number() }).nullish(),
});

export const Attribution = z.object({
  requestId: z.string(),
  text: z.string(),
  reliabilityPpb: z.number(),
  baseModelPpb: z.number(),
  reservePpb: z.number(),
  contributors: z.array(
    z.object({
      contributorId: z.string(),
      partyId: z.string(),
      influencePpb: z.number(),
      basePpb: z.number(),
    }),
  ),
  spans: z.array(
    z.object({
      start: z.number(),
      end: z.number(),
      text: z.string(),
      records: z.array(z.object({ recordId: z.string(), contributorId: z.string() })),
    }),
  ),
  topRecords: z.array(
    z.object({
      recordId: z.string(),
      contributorId: z.string(),
      score: z.number(),
      prompt: z.string(),
      completion: z.string(),
    }),
  ),
});

export const Receipt = z.object({
  requestId: z.string(),
  feeWei: z.string().default('0'),
  state: z.string(),
  parts: z.array(z.object({ role: z.string(), payeeId: z.string().default(''), amountWei: z.string() })),
});

export const Chain = z.object({
  chainId: z.number(),
  rpcUrl: z.string(),
  token: z.string(),
  vault: z.string(),
  distributor: z.string(),
});

export const Balance = z.object({ availableWei: z.string(), heldWei: z.string() });

export const Claim = z.object({
  epoch: z.number(),
  wallet: z.string(),
  totalWei: z.string(),
  proof: z.array(z.string()),
  distributor: z.string(),
});

export const Epochs = z.object({
  epochs: z.array(z.object({ epoch: z.number(), state: z.string(), totalWei: z.string() })),
});
