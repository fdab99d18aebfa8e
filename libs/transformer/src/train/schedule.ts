export interface Schedule {
  readonly learningRate: number;
  readonly steps: number;
  readonly warmupSteps: number;
  /** Share of the learning rate that is left at the end. */
  readonly finalShare: number;
}

/** Linear warm-up, then a cosine down to the final share. `step` counts from 1. */
export function learningRateAt(step: number, schedule: Schedule): number {
  const { learningRate, steps, warmupSteps, finalShare } = schedule;
  if (step <= warmupSteps) return (learningRate * step) / warmupSteps;
  const progress = Math.min((step - warmupSteps) / Math.max(steps - warmupSteps, 1), 1);
  const cosine = (1 + Math.cos(Math.PI * progress)) / 2;
  return learningRate * (finalShare + (1 - finalShare) * cosine);
}
