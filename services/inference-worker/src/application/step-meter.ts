import { RateEstimate } from '../domain/scheduling/rate-estimate.js';
import type { StepNote } from './engine-messages.js';
import type { Row } from './row.js';

/** Measures steps while they run. */
export class StepMeter {
  private readonly rates = { prefill: new RateEstimate(), decode: new RateEstimate() };

  constructor(private readonly stepped: (note: StepNote) => void) {}

  /** Tokens per second of computing; 0 before the first step. */
  perSecond(phase: StepNote['phase']): number {
    return this.rates[phase].perSecond;
  }

  async measure<T>(
    step: { readonly phase: StepNote['phase']; readonly tokens: number; readonly rows: readonly Row[] },
    run: () => Promise<T>,
  ): Promise<T> {
    const { phase, tokens, rows } = step;
    const begun = performance.now();
    const result = await run();
    const seconds = (performance.now() - begun) / 1_000;
    this.rates[phase].observe(tokens, seconds);
    const distinctAdapters = new Set(rows.flatMap(({ digests }) => digests)).size;
    this.stepped({ phase, seconds, tokens, distinctAdapters });
    return result;
  }
}
