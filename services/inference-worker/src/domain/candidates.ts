import { EXP_REACH, EXP_STEPS, expMinus, expOfRest, expOfStep } from './exponential.js';

export interface CandidateFilters {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
}

/** The least that is kept, and how many that are equal to it. */
interface Cut {
  readonly least: number;
  readonly ties: number;
}

/** Tokens by their distance to the likeliest, in units of the logit over the temperature. */
interface Distances {
  readonly logits: Float32Array;
  readonly peak: number;
  /** One over the temperature. */
  readonly scale: number;
  readonly reach: number;
}

/** Up to so many, putting each in its place is less work than a histogram. */
const INSERTED_MAX = 256;

const NO_CUT: Cut = { least: Number.NEGATIVE_INFINITY, ties: 0 };

/**
 * The tokens that may be drawn, in the order of their ids, with weights in proportion to their
 * probabilities. The k likeliest and the nucleus are found by a histogram over the distance to the
 * likeliest: only the bin in which the cut falls is sorted. Its memory is used again for every row.
 */
export class Candidates {
  private readonly tokens: Int32Array;
  private readonly weights: Float64Array;
  /** The bin of each weight. */
  private readonly places: Uint16Array;
  private readonly sorted: Float64Array;
  private readonly bins = new Float64Array(EXP_REACH * EXP_STEPS + 1);
  private count = 0;
  /** Set where nothing is left out: tokens are then looked at bin by bin only. */
  private whole: (Distances & { readonly total: number }) | undefined;

  constructor(vocabSize: number) {
    this.tokens = new Int32Array(vocabSize);
    this.weights = new Float64Array(vocabSize);
    this.places = new Uint16Array(vocabSize);
    this.sorted = new Float64Array(vocabSize);
  }

  /** No logit is above `peak`. Leaves out by `minP`, then by `topK`, then by `topP` of what those have left. */
  fill(logits: Float32Array, peak: number, { temperature, topK, topP, minP }: CandidateFilters): void {
    const reach = minP > 0 ? Math.min(EXP_REACH, -Math.log(minP)) : EXP_REACH;
    const distances = { logits, peak, scale: 1 / temperature, reach };
    const few = topK > 0 && topK < logits.length;
    this.whole = undefined;
    if (few || minP > 0) {
      this.collect(distances, few ? this.countCut(distances, topK) : NO_CUT);
      if (topP < 1) this.keep(this.massCut(topP * sum(this.weights.subarray(0, this.count)), this.ownMass()));
    } else if (topP < 1) {
      const { bins, total } = this.wholeMass(distances);
      const mass = topP * total;
      const { bin } = crossing(bins, mass);
      // What lies in no later bin than the cut is all that is looked at again.
      this.collect({ ...distances, reach: Math.min(reach, (bin + 1) / EXP_STEPS) }, NO_CUT);
      this.keep(this.massCut(mass, bins));
    } else {
      this.whole = { ...distances, total: this.wholeMass(distances).total };
    }
  }

  /** The token at `uniform`, from 0 to below 1, of the whole weight. */
  draw(uniform: number): number {
    if (this.whole) return this.drawFromBin(this.whole, uniform * this.whole.total);
    const { tokens, weights, count } = this;
    let rest = uniform * sum(weights.subarray(0, count));
    for (let index = 0; index < count; index += 1) {
      rest -= weights[index] ?? 0;
      if (rest < 0) return tokens[index] ?? 0;
    }
    return tokens[count - 1] ?? 0;
  }

  /** Bins in their order, tokens in theirs: only the weights of one bin are worked out again. */
  private drawFromBin({ logits, peak, scale, reach }: Distances, mass: number): number {
    const { bin, before } = crossing(this.bins, mass);
    let rest = mass - before;
    let last = 0;
    for (let token = 0; token < logits.length; token += 1) {
      const distance = (peak - (logits[token] ?? Number.NaN)) * scale;
      if (!(distance <= reach) || ((distance * EXP_STEPS) | 0) !== bin) continue;
      last = token;
      rest -= expMinus(distance);
      if (rest < 0) break;
    }
    return last;
  }

  private collect({ logits, peak, scale, reach }: Distances, { least, ties }: Cut): void {
    const { tokens, weights, places } = this;
    let left = ties;
    let count = 0;
    for (let token = 0; token < logits.length; token += 1) {
      const logit = logits[token] ?? Number.NaN;
      const distance = (peak - logit) * scale;
      if (!(distance <= reach) || logit < least) continue;
      if (logit === least) {
        if (left === 0) continue;
        left -= 1;
      }
      tokens[count] = token;
      weights[count] = expMinus(distance);
      places[count] = (distance * EXP_STEPS) | 0;
      count += 1;
    }
    this.count = count;
  }

  /** Weight by bin, of the whole vocabulary. What a bin's weights have in common is multiplied in once. */
  private wholeMass({ logits, peak, scale, reach }: Distances) {
    const { bins } = this;
    bins.fill(0);
    for (let token = 0; token < logits.length; token += 1) {
      const distance = (peak - (logits[token] ?? Number.NaN)) * scale;
      if (!(distance <= reach)) continue;
      const bin = (distance * 64) | 0;
      bins[bin] = (bins[bin] ?? 0) + expOfRest(distance - bin * 0.015625);
    }
    for (let bin = 0; bin < bins.length; bin += 1) bins[bin] = (bins[bin] ?? 0) * expOfStep(bin);
    return { bins, total: sum(bins) };
  }

  /** Weight by bin, of what has been collected. */
  private ownMass(): Float64Array {
    const { bins, weights, places, count } = this;
    bins.fill(0);
    for (let index = 0; index < count; index += 1) {
      const bin = places[index] ?? 0;
      bins[bin] = (bins[bin] ?? 0) + (weights[index] ?? 0);
    }
    return bins;
  }

  /** The logit of the `wanted`-th likeliest. */
  private countCut({ logits, peak, scale, reach }: Distances, wanted: number): Cut {
    if (wanted <= INSERTED_MAX) return insertedCut(logits, this.sorted.subarray(0, wanted));
    const { bins, sorted } = this;
    bins.fill(0);
    for (let token = 0; token < logits.length; token += 1) {
      const distance = (peak - (logits[token] ?? Number.NaN)) * scale;
      if (!(distance <= reach)) continue;
      const bin = (distance * EXP_STEPS) | 0;
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    const { bin, before } = crossing(bins, wanted);
    if (bin < 0) return NO_CUT;
    let length = 0;
    for (let token = 0; token < logits.length; token += 1) {
      const logit = logits[token] ?? Number.NaN;
      const distance = (peak - logit) * scale;
      if (!(distance <= reach) || ((distance * EXP_STEPS) | 0) !== bin) continue;
      sorted[length] = logit;
      length += 1;
    }
    return cutIn(sorted.subarray(0, length), () => 1, wanted - before);
  }

  /** The weight at which the likeliest together reach `mass`. */
  private massCut(mass: number, bins: Float64Array): Cut {
    const { places, weights, sorted, count } = this;
    const { bin, before } = crossing(bins, mass);
    if (bin < 0) return NO_CUT;
    let length = 0;
    for (let index = 0; index < count; index += 1) {
      if (places[index] !== bin) continue;
      sorted[length] = weights[index] ?? 0;
      length += 1;
    }
    return cutIn(sorted.subarray(0, length), (weight) => weight, mass - before);
  }

  private keep({ least, ties }: Cut): void {
    const { tokens, weights, count } = this;
    let left = ties;
    let kept = 0;
    for (let index = 0; index < count; index += 1) {
      const weight = weights[index] ?? 0;
      if (weight < least) continue;
      if (weight === least) {
        if (left === 0) continue;
        left -= 1;
      }
      tokens[kept] = tokens[index] ?? 0;
      weights[kept] = weight;
      kept += 1;
    }
    this.count = kept;
  }
}

function sum(values: Float64Array): number {
  let total = 0;
  for (let index = 0; index < values.length; index += 1) total += values[index] ?? 0;
  return total;
}

/** The bin in which the sum from the first bin on reaches `amount`; -1 where it never does. */
function crossing(bins: Float64Array, amount: number): { readonly bin: number; readonly before: number } {
  let before = 0;
  for (let bin = 0; bin < bins.length; bin += 1) {
    const inside = bins[bin] ?? 0;
    if (before + inside >= amount) return { bin, before };
    before += inside;
  }
  return { bin: -1, before };
}

/** From the greatest value down, until what they count for reaches `amount`. */
function cutIn(values: Float64Array, worth: (value: number) => number, amount: number): Cut {
  values.sort();
  let reached = 0;
  let cut = NO_CUT;
  for (let index = values.length - 1; index >= 0; index -= 1) {
    const value = values[index] ?? 0;
    cut = { least: value, ties: value === cut.least ? cut.ties + 1 : 1 };
    reached += worth(value);
    if (reached >= amount) break;
  }
  return cut;
}

/** The least of as many of the greatest as `best` has room for; most tokens are compared only once. */
function insertedCut(logits: Float32Array, best: Float64Array): Cut {
  best.fill(Number.NEGATIVE_INFINITY);
  const last = best.length - 1;
  let least = Number.NEGATIVE_INFINITY;
  for (let token = 0; token < logits.length; token += 1) {
    const logit = logits[token] ?? Number.NaN;
    if (!(logit > least)) continue;
    let place = last;
    for (; place > 0 && (best[place - 1] ?? 0) < logit; place -= 1) best[place] = best[place - 1] ?? 0;
    best[place] = logit;
    least = best[last] ?? 0;
  }
  let ties = 0;
  for (const value of best) if (value === least) ties += 1;
  return { least, ties };
}
