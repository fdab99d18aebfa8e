import {
  calibrationTokens,
  type OpenModel,
  type Precision,
  type Provider,
  requireProvider,
  type ServingPlan,
  ServingSession,
  servingPlan,
} from '@openledger/transformer';
import type { KernelFacts } from '../application/engine-messages.js';

/** How the linear layers are computed. */
export interface KernelSettings {
  readonly precision: 'auto' | Precision;
  readonly provider: Provider;
  /** Where chosen plans are kept between starts. */
  readonly planDir: string | undefined;
}

export interface SessionSettings {
  readonly kernels: KernelSettings;
  readonly rowsMax: number;
  readonly contextTokens: number;
  readonly threads: number;
  readonly adapterPages: number;
}

/** Opens the model with the kernels that the settings or this machine's own trials give its layers. */
export async function openSession(
  model: OpenModel,
  { kernels, rowsMax, contextTokens, threads, adapterPages }: SessionSettings,
): Promise<{ readonly session: ServingSession; readonly kernels: KernelFacts }> {
  const { precision, provider, planDir } = kernels;
  await requireProvider(provider);
  const chosen = await servingPlan(model, {
    precision,
    provider,
    rows: rowsMax,
    threads,
    calibration: () => calibrationTokens(model),
    ...(planDir === undefined ? {} : { folder: planDir }),
  });
  const session = await ServingSession.open(model.config, model.weights, {
    maxLength: contextTokens,
    threads,
    adapterPages,
    precision: chosen.plan,
    provider,
  });
  return { session, kernels: factsOf(chosen, provider) };
}

function factsOf({ plan, source, perplexityRatio, widened }: ServingPlan, provider: Provider): KernelFacts {
  const layers = { float32: 0, int8: 0, int4: 0 };
  for (const precision of plan.values()) layers[precision] += 1;
  return {
    provider,
    source,
    layers,
    widened: widened.length,
    ...(perplexityRatio === undefined ? {} : { perplexityRatio }),
  };
}
