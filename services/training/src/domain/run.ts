export type RunStatus = 'queued' | 'running' | 'deployed' | 'refused' | 'failed' | 'cancelled';

/** What a model costs at first, in wei per million tokens; settlement announces what follows. */
export interface FirstPrice {
  readonly promptWeiPerMillion: string;
  /** Of prompt tokens that a worker still had; absent: as all others. */
  readonly cachedPromptWeiPerMillion?: string | undefined;
  readonly completionWeiPerMillion: string;
}

/** What the builder asked for. */
export interface RunPlan {
  /** Name under which the adapter is served. */
  readonly modelName: string;
  readonly datanetIds: readonly string[];
  /** The model that this one was forked from: those behind it earn a royalty. */
  readonly parentModelId?: string;
  readonly commercial: boolean;
  readonly lora: { readonly rank: number; readonly alpha: number; readonly targetModules: readonly string[] };
  readonly epochs: number;
  readonly batchRows: number;
  readonly learningRate: number;
  readonly maxTokens: number;
  readonly seed: number;
  /** Per cent of the records kept aside to evaluate on. */
  readonly heldOutPercent: number;
  /** Least drop of held-out loss, as a share of the base's, for the adapter to be deployed. */
  readonly minLossDrop: number;
  readonly price: FirstPrice;
}

export interface RunProgress {
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  readonly tokensPerSecond: number;
}

export interface RunEvaluation {
  /** Mean NLL per completion token, nats. */
  readonly baseLoss: number;
  readonly adapterLoss: number;
  readonly heldOutRecords: number;
}

/** The gate between training and serving: an adapter that does not help is not deployed. */
export function isDeployable(plan: RunPlan, { baseLoss, adapterLoss }: RunEvaluation): boolean {
  return Number.isFinite(adapterLoss) && adapterLoss <= baseLoss * (1 - plan.minLossDrop);
}
