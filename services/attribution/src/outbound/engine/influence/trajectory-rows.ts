import { invariant } from '@openledger/kernel';
import {
  type Example,
  type ExampleGradients,
  flatten,
  type LoraWeights,
  type Random,
} from '@openledger/transformer';
import { CountSketch } from '../../../domain/influence/count-sketch.js';
import type { Matrix } from './products.js';

/** The adapter at some step of its training. */
export interface TrajectoryPoint {
  readonly tensors: LoraWeights;
  /** Adam's, bias-corrected. */
  readonly secondMoments: LoraWeights;
}

/** A training, by a few points on its way. */
export interface Trajectory {
  /**
   * In order, the last at the end. Each stands for a part of the training; `learningRateSum` is Σ of the learning rates
   * in that part.
   */
  readonly points: readonly (TrajectoryPoint & { readonly learningRateSum: number })[];
  /** ε inside Adam's root. */
  readonly epsilonRoot: number;
}

/** Numbers in a row; longer gradients are sketched, with an error of products of 1/√width of the lengths. */
export const WIDTH_MAX = 32_768;
export const SKETCH_SEED = 20_261_120;
/** Last points whose mean an answer is differentiated at. */
const ANSWER_POINTS = 5;
/** Gradients in memory at once, in numbers. */
const NUMBERS_AT_ONCE = 2 ** 24;

/**
 * Gradients in the geometry that Adam trained in. A step along g moves the parameters by D g, D = (v̂ + ε)^(-½),
 * so the product of a record's and an answer's row is the change of the answer's loss by a step on the
 * record (LESS, Xia et al. 2024, section 3). A record is differentiated where it was learnt, at points along
 * the training (TracIn, Pruthi et al. 2020, eq. 3), weighted by how much was learnt there; an answer at the mean of
 * the last points, where what a whole removal would undo is still felt: at the end an answer that is known
 * by heart has hardly a gradient left.
 */
export class TrajectoryRows {
  readonly width: number;
  private readonly sketch: CountSketch | undefined;
  /** At each point: D^½ there, which rows of Fisher draws are in, and D there over D^½ at the end. */
  private readonly atPoints: readonly { readonly root: Float32Array; readonly step: Float32Array }[];
  private readonly endRoot: Float32Array;
  private readonly answering: LoraWeights;

  constructor(
    private readonly gradients: ExampleGradients,
    private readonly trajectory: Trajectory,
    widthMax = WIDTH_MAX,
  ) {
    const { points, epsilonRoot } = trajectory;
    const end = endOf(trajectory);
    const rootOf = ({ secondMoments }: TrajectoryPoint) =>
      flatten(gradients.shapes, secondMoments).map((moment) => (moment + epsilonRoot) ** -0.25);
    this.endRoot = rootOf(end);
    this.answering = meanTensors(points.slice(-ANSWER_POINTS));
    const total = points.reduce((sum, { learningRateSum }) => sum + learningRateSum, 0);
    this.atPoints = points.map((point) => {
      const root = rootOf(point);
      const share = point.learningRateSum / total;
      return { root, step: root.map((value, i) => (share * value * value) / (this.endRoot[i] ?? 1)) };
    });
    this.width = Math.min(gradients.size, widthMax);
    this.sketch = gradients.size > widthMax ? new CountSketch(widthMax, SKETCH_SEED) : undefined;
  }

  /** Rows that can be differentiated together. */
  get rowsAtOnce(): number {
    return Math.max(1, Math.floor(NUMBERS_AT_ONCE / this.gradients.size));
  }

  /** What each example taught: its gradients along the way. */
  async records(examples: readonly Example[]): Promise<Matrix> {
    const result = this.empty(examples.length);
    for (const [p, { tensors }] of this.trajectory.points.entries()) {
      const { step } = this.pointAt(p);
      await this.inParts(examples, async (part, at) => {
        const { rows } = await this.gradients.of(tensors, part);
        this.addRows(result, { rows, factor: step, at });
      });
    }
    return result;
  }

  /** What each example asks of what was learnt. */
  async answers(examples: readonly Example[]): Promise<Matrix> {
    const result = this.empty(examples.length);
    await this.inParts(examples, async (part, at) => {
      const { rows } = await this.gradients.of(this.answering, part);
      this.addRows(result, { rows, factor: this.endRoot, at });
    });
    return result;
  }

  /** Gradients of labels that the model itself drew, one of each example at each point: their Gram matrix is Fisher's. */
  async fisher(examples: readonly Example[], random: Random): Promise<Matrix> {
    const { points } = this.trajectory;
    const result = this.empty(examples.length * points.length);
    for (const [p, { tensors }] of points.entries()) {
      const { root } = this.pointAt(p);
      await this.inParts(examples, async (part, at) => {
        const { rows } = await this.gradients.sampled(tensors, part, random);
        this.addRows(result, { rows, factor: root, at: p * examples.length + at });
      });
    }
    return result;
  }

  private pointAt(at: number) {
    const point = this.atPoints[at];
    invariant(point, `the training has no point ${at}`);
    return point;
  }

  private empty(rows: number): Matrix {
    return { rows, columns: this.width, data: new Float32Array(rows * this.width) };
  }

  private async inParts(
    examples: readonly Example[],
    each: (part: readonly Example[], at: number) => Promise<void>,
  ): Promise<void> {
    for (let at = 0; at < examples.length; at += this.rowsAtOnce) {
      await each(examples.slice(at, at + this.rowsAtOnce), at);
    }
  }

  /** Adds factor ∘ row to the rows from `at` on, sketched where they are too long. */
  private addRows(
    { data }: Matrix,
    added: { readonly rows: Float32Array; readonly factor: Float32Array; readonly at: number },
  ): void {
    const { rows, factor, at } = added;
    const { size } = this.gradients;
    for (let row = 0; row * size < rows.length; row++) {
      const own = rows.subarray(row * size, (row + 1) * size);
      for (let i = 0; i < size; i++) own[i] = (own[i] ?? 0) * (factor[i] ?? 0);
      const target = data.subarray((at + row) * this.width, (at + row + 1) * this.width);
      const values = this.sketch ? this.sketch.of(own) : own;
      for (let i = 0; i < this.width; i++) target[i] = (target[i] ?? 0) + (values[i] ?? 0);
    }
  }
}

/** The trained adapter. */
export function endOf({ points }: Trajectory): TrajectoryPoint {
  const end = points.at(-1);
  invariant(end, 'a training has an end');
  return end;
}

function meanTensors(points: readonly TrajectoryPoint[]): LoraWeights {
  return new Map(
    [...(points[0]?.tensors ?? [])].map(([name, { shape, data }]) => {
      const mean = new Float32Array(data.length);
      for (const { tensors } of points) {
        const own = tensors.get(name)?.data;
        for (let i = 0; i < mean.length; i++) mean[i] = (mean[i] ?? 0) + (own?.[i] ?? 0) / points.length;
      }
      return [name, { shape, data: mean }];
    }),
  );
}
