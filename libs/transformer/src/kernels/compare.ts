import { DomainError, invariant } from '@openledger/kernel';
import { headWeight } from '../graph/parameters.js';
import { rowsOfWeight } from '../graph/planned-linear.js';
import { type PrecisionPlan, planFor } from '../graph/precision.js';
import type { ModelConfig, Tensor, Weights } from '../model.js';
import { type IntegerTensor, Session } from '../run/session.js';
import { blockComparison, type Compared, errorName, headComparison } from './comparison-graph.js';

export interface PlanQuality {
  /** Perplexity by the plan over perplexity in float32. */
  readonly perplexityRatio: number;
  /** Mean negative log-likelihood of a token in float32, in nats. */
  readonly exactLoss: number;
  readonly plannedLoss: number;
  /** ‖h − ĥ‖ / ‖h‖ of the hidden states after the last block, which the errors of all layers end up in. */
  readonly stateError: number;
  /** Of each layer that is not float32: ‖y − ŷ‖ / ‖y‖ on the inputs of the float32 model. */
  readonly errors: ReadonlyMap<string, number>;
}

export interface CalibrationTokens {
  /** Sequences of one length, at least two tokens each. */
  readonly sequences: readonly Int32Array[];
}

/** Rows of the head that are held in float32 at once. */
const headRows = 16_384;

/**
 * Reads a text with a model in float32 and by a plan, block by block: memory is that of one block,
 * whatever the size of the model, so that no whole float32 session is ever needed.
 */
export async function comparePlan(
  model: { readonly config: ModelConfig; readonly weights: Weights },
  wanted: PrecisionPlan,
  { sequences, threads }: CalibrationTokens & { readonly threads?: number },
): Promise<PlanQuality> {
  const compared = { ...model, plan: planFor(model.config, wanted) };
  const options = threads === undefined ? {} : { threads };
  const ids = idsOf(sequences);
  const errors = new Map<string, number>();
  let exact = embedded(model, ids);
  let planned = exact;
  for (let layer = 0; layer < model.config.layerCount; layer += 1) {
    const { graph, narrow } = blockComparison(compared, layer, ids.shape[1] ?? 1);
    const fetched = ['exact_next', 'planned_next', ...narrow.map(errorName)];
    const feeds = new Map<string, Tensor | IntegerTensor>([
      ['input_ids', ids],
      ['exact', exact],
      ['planned', planned],
    ]);
    const outputs = await runOnce(await Session.open(graph, options), feeds, fetched);
    exact = outputs('exact_next');
    planned = outputs('planned_next');
    for (const name of narrow) errors.set(name, outputs(errorName(name)).data[0] ?? Number.NaN);
  }
  const head = await headLosses(compared, { exact, planned, ids }, options);
  const { exactLoss, plannedLoss, worstError } = head;
  if (worstError !== undefined) errors.set(headWeight(model.config), worstError);
  return {
    perplexityRatio: Math.exp(plannedLoss - exactLoss),
    exactLoss,
    plannedLoss,
    stateError: relativeDistance(exact, planned),
    errors,
  };
}

function relativeDistance(exact: Tensor, close: Tensor): number {
  let distance = 0;
  let size = 0;
  for (const [at, value] of exact.data.entries()) {
    distance += (value - (close.data[at] ?? Number.NaN)) ** 2;
    size += value ** 2;
  }
  return Math.sqrt(distance / size);
}

async function runOnce(
  session: Session,
  feeds: ReadonlyMap<string, Tensor | IntegerTensor>,
  fetches: readonly string[],
): Promise<(name: string) => Tensor> {
  try {
    const outputs = await session.run(feeds, fetches);
    return (name) => {
      const tensor = outputs.get(name);
      invariant(tensor, `the comparison returned no ${name}`);
      return tensor;
    };
  } finally {
    await session.release();
  }
}

function idsOf(sequences: readonly Int32Array[]): IntegerTensor {
  const time = sequences[0]?.length ?? 0;
  if (time < 2 || sequences.some(({ length }) => length !== time)) {
    throw new DomainError(
      'invalid',
      'CALIBRATION_UNUSABLE',
      'Calibration needs sequences of one length of at least two tokens.',
    );
  }
  const data = BigInt64Array.from(
    sequences.flatMap((tokens) => [...tokens]),
    BigInt,
  );
  return { shape: [sequences.length, time], data };
}

function embedded(
  { config, weights }: { readonly config: ModelConfig; readonly weights: Weights },
  ids: IntegerTensor,
): Tensor {
  const { hiddenSize } = config;
  const table = rowsOfWeight(weights, 'model.embed_tokens.weight');
  const data = new Float32Array(ids.data.length * hiddenSize);
  for (const [at, id] of ids.data.entries())
    data.set(table.rows(Number(id), Number(id) + 1), at * hiddenSize);
  return { shape: [...ids.shape, hiddenSize], data };
}

interface LastStates {
  readonly exact: Tensor;
  readonly planned: Tensor;
  readonly ids: IntegerTensor;
}

async function headLosses(compared: Compared, states: LastStates, options: { readonly threads?: number }) {
  const { config } = compared;
  const { inputs, labels } = scoredTokens(states);
  const sums = { exact: new LabelLosses(labels), planned: new LabelLosses(labels) };
  const errors: number[] = [];
  const name = headWeight(config);
  for (let begin = 0; begin < config.vocabSize; begin += headRows) {
    const end = Math.min(begin + headRows, config.vocabSize);
    const graph = headComparison(headSlice(compared, begin, end));
    const within = labels.map((label) => Math.min(Math.max(label - begin, 0), end - begin - 1));
    const feeds = new Map<string, Tensor | IntegerTensor>([
      ...inputs,
      ['labels', { shape: [labels.length, 1], data: BigInt64Array.from(within, BigInt) }],
    ]);
    const narrow = graph.outputs.some((output) => output.name === errorName(name));
    const fetched = ['exact_logit', 'exact_log_probability', 'planned_logit', 'planned_log_probability'];
    const outputs = await runOnce(await Session.open(graph, options), feeds, [
      ...fetched,
      ...(narrow ? [errorName(name)] : []),
    ]);
    for (const which of ['exact', 'planned'] as const) {
      sums[which].add(outputs(`${which}_logit`).data, outputs(`${which}_log_probability`).data, {
        begin,
        end,
      });
    }
    if (narrow) errors.push(outputs(errorName(name)).data[0] ?? Number.NaN);
  }
  return {
    exactLoss: sums.exact.mean(),
    plannedLoss: sums.planned.mean(),
    worstError: errors.length === 0 ? undefined : Math.max(...errors),
  };
}

/** The hidden states that have a next token, and those tokens. */
function scoredTokens({ exact, planned, ids }: LastStates) {
  const [batch = 0, time = 0] = ids.shape;
  const width = exact.shape[2] ?? 0;
  const places = [...Array(batch * time).keys()].filter((at) => at % time < time - 1);
  const taken = ({ data }: Tensor): Tensor => {
    const rows = new Float32Array(places.length * width);
    for (const [row, at] of places.entries())
      rows.set(data.subarray(at * width, (at + 1) * width), row * width);
    return { shape: [places.length, width], data: rows };
  };
  return {
    inputs: [
      ['exact', taken(exact)],
      ['planned', taken(planned)],
    ] as const,
    labels: places.map((at) => Number(ids.data[at + 1] ?? 0)),
  };
}

/** The model with some rows of its vocabulary alone, as far as the head sees it. */
function headSlice({ config, weights, plan }: Compared, begin: number, end: number): Compared {
  const name = headWeight(config);
  const head = {
    shape: [end - begin, config.hiddenSize],
    data: rowsOfWeight(weights, name).rows(begin, end).slice(),
  };
  return {
    config: { ...config, vocabSize: end - begin },
    weights: new Map([...weights, [name, head]]),
    plan,
  };
}

/** Sums the exponentials of the logits of each token slice by slice, on a logarithmic scale. */
class LabelLosses {
  readonly #logSums: Float64Array;
  readonly #logits: Float64Array;

  constructor(private readonly labels: readonly number[]) {
    this.#logSums = new Float64Array(labels.length).fill(Number.NEGATIVE_INFINITY);
    this.#logits = new Float64Array(labels.length);
  }

  add(
    logits: Float32Array,
    logProbabilities: Float32Array,
    { begin, end }: { readonly begin: number; readonly end: number },
  ): void {
    for (const [token, label] of this.labels.entries()) {
      const logit = logits[token] ?? Number.NaN;
      // log Σ exp over the slice, from any one logit and its log-probability within the slice.
      const part = logit - (logProbabilities[token] ?? Number.NaN);
      const before = this.#logSums[token] ?? Number.NEGATIVE_INFINITY;
      const larger = Math.max(before, part);
      this.#logSums[token] = larger + Math.log(Math.exp(before - larger) + Math.exp(part - larger));
      if (label >= begin && label < end) this.#logits[token] = logit;
    }
  }

  mean(): number {
    let sum = 0;
    for (const [token, logSum] of this.#logSums.entries()) sum += logSum - (this.#logits[token] ?? 0);
    return sum / this.labels.length;
  }
}
