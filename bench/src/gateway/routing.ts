import { type Bench, quantile } from '../bench.js';
import { type Outcome, type Policy, type Scenario, simulate } from './simulation.js';

/** 17.6 MB over a link of 1 Gbit/s, and 100 ms to check and unpack. */
const LOAD_MS = 240;
/** Shares of 2 GHz-class cores with a model of 0.5B: what the serving benches measure, rounded. */
const SHAPE = {
  rowsMax: 8,
  prefillTokensPerSecond: 1_000,
  rowTokensPerSecond: 15,
  adaptersInMemory: 64,
  adaptersInPool: 32,
  loadMs: LOAD_MS,
};
const SEEDS = [11, 23, 47];
/** Seven tenths of what four workers can do. */
const SCENARIO = {
  workers: 4,
  shape: SHAPE,
  requests: 12_000,
  requestsPerSecond: 4.9,
  churn: false,
} as const;
const ADAPTERS = 512;
/** As many as fit one memory, all four together, and far beyond. */
const SWEEP = [64, 256, 2_048, 8_192];

interface Total {
  coldLoads: number;
  readonly firstTokens: number[];
  readonly imbalances: number[];
}

/** How often an adapter must be fetched, and how long callers wait, against workers drawn by lot. */
export const gatewayRouting: Bench = {
  name: 'gateway.routing',
  summary: 'cold loads and time to first token over 4 simulated workers, against random routing',
  async run({ log }) {
    const sweep: Record<string, number> = {};
    for (const adapters of SWEEP) {
      sweep[`adapters_${adapters}`] = coldRatio({ ...SCENARIO, adapters });
      log(`${adapters} adapters: random routing loads ${sweep[`adapters_${adapters}`]} times as often`);
    }
    const scenario = { ...SCENARIO, adapters: ADAPTERS };
    const [routed, random, fewest] = (['routed', 'random', 'fewest'] as const).map((policy) =>
      total(policy, scenario),
    );
    const changing = { ...scenario, churn: true };
    const [routedChurn, randomChurn] = (['routed', 'random'] as const).map((policy) =>
      total(policy, changing),
    );
    if (!routed || !random || !fewest || !routedChurn || !randomChurn) throw new Error('five totals');
    const requests = SCENARIO.requests * SEEDS.length;
    return {
      cold_load_ratio: ratio(random.coldLoads, routed.coldLoads),
      p95_ttft_ratio: ratio(firstToken(random, 0.95), firstToken(routed, 0.95)),
      load_imbalance: rounded(Math.max(...routed.imbalances)),
      load_imbalance_random: rounded(Math.max(...random.imbalances)),
      cold_loads_per_request: rounded(routed.coldLoads / requests),
      cold_loads_per_request_random: rounded(random.coldLoads / requests),
      cold_load_ratio_fewest_requests: ratio(fewest.coldLoads, routed.coldLoads),
      p95_ttft_ratio_fewest_requests: ratio(firstToken(fewest, 0.95), firstToken(routed, 0.95)),
      p50_ttft_ms: Math.round(firstToken(routed, 0.5)),
      p95_ttft_ms: Math.round(firstToken(routed, 0.95)),
      churn_cold_load_ratio: ratio(randomChurn.coldLoads, routedChurn.coldLoads),
      churn_p95_ttft_ratio: ratio(firstToken(randomChurn, 0.95), firstToken(routedChurn, 0.95)),
      cold_load_ratio_by_adapters: sweep,
    };
  },
};

type Setting = Omit<Scenario, 'policy' | 'seed'>;

function total(policy: Policy, setting: Setting): Total {
  const sum: Total = { coldLoads: 0, firstTokens: [], imbalances: [] };
  for (const seed of SEEDS) {
    const outcome: Outcome = simulate({ ...setting, policy, seed });
    sum.coldLoads += outcome.coldLoads;
    for (const milliseconds of outcome.firstTokens) sum.firstTokens.push(milliseconds);
    sum.imbalances.push(outcome.imbalance);
  }
  return sum;
}

function coldRatio(setting: Setting): number {
  const [seed = 0] = SEEDS;
  const [random, routed] = (['random', 'routed'] as const).map((policy) =>
    simulate({ ...setting, policy, seed }),
  );
  return ratio(random?.coldLoads ?? Number.NaN, routed?.coldLoads ?? Number.NaN);
}

const firstToken = ({ firstTokens }: Total, share: number): number => quantile(firstTokens, share);

const ratio = (a: number, b: number): number => rounded(a / b);
const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;
