import { type Example, type ExampleGradients, seededRandom } from '@openledger/transformer';
import { evenly } from '../../../domain/evenly.js';
import { type Matrix, Products } from './products.js';
import { fitProjection, type Learning, type Projection, project } from './projection.js';
import { type Trajectory, TrajectoryRows } from './trajectory-rows.js';

/** Dimensions of a vector; one of 64 is its beginning. */
export const DIMENSIONS = 256;
const SEED = 20_261_121;
/** Gradients that the space is fitted to: draws for Fisher's matrix, as many as memory has room for, and records. */
const DRAWS_MAX = 2_304;
const DRAWS_BYTES_MAX = 192 * 2 ** 20;
const SAMPLE_ROWS_MAX = 512;

export interface SpaceFit {
  readonly space: InfluenceSpace;
  /** Vectors of the examples, [examples × k]. */
  readonly records: Matrix;
}

export type Report = (examplesDone: number, all: number) => void;

/** Where examples and answers are vectors whose products are influences, in nats. */
export class InfluenceSpace {
  private constructor(
    private readonly rows: TrajectoryRows,
    private readonly products: Products,
    readonly projection: Projection,
  ) {}

  /** Learns the space from a training's examples. The same training gives the same space. */
  static async fit(
    { gradients, trajectory }: { readonly gradients: ExampleGradients; readonly trajectory: Trajectory },
    examples: readonly Example[],
    learning: Learning,
    options: { readonly threads: number; readonly dimensions?: number; readonly report?: Report },
  ): Promise<SpaceFit> {
    const { threads, dimensions = DIMENSIONS, report } = options;
    const rows = new TrajectoryRows(gradients, trajectory);
    const pick = (most: number) =>
      evenly(examples.length, Math.min(examples.length, most)).flatMap((at) => examples[at] ?? []);
    const room = Math.floor(DRAWS_BYTES_MAX / (Float32Array.BYTES_PER_ELEMENT * rows.width));
    const drawn = pick(Math.max(1, Math.floor(Math.min(DRAWS_MAX, room) / trajectory.points.length)));
    const fisher = await rows.fisher(drawn, seededRandom(SEED));
    const kept = pick(SAMPLE_ROWS_MAX);
    const sample = await rows.records(kept);
    report?.(kept.length, examples.length);
    const products = await Products.open({ threads });
    try {
      const given = { fisher, sample, learning };
      const projection = await fitProjection(products, given, { k: dimensions, seed: SEED });
      const space = new InfluenceSpace(rows, products, projection);
      if (kept.length === examples.length)
        return { space, records: await project(products, sample, projection) };
      return { space, records: await space.records(examples, report) };
    } catch (error) {
      await products.release();
      throw error;
    }
  }

  /** The space that was fitted before. */
  static async restore(
    { gradients, trajectory }: { readonly gradients: ExampleGradients; readonly trajectory: Trajectory },
    projection: Projection,
    { threads }: { readonly threads: number },
  ): Promise<InfluenceSpace> {
    return new InfluenceSpace(
      new TrajectoryRows(gradients, trajectory),
      await Products.open({ threads }),
      projection,
    );
  }

  get dimensions(): number {
    return this.projection.basis.rows;
  }

  /** What examples taught, [examples × k]. */
  records(examples: readonly Example[], report?: Report): Promise<Matrix> {
    return this.projected(examples, (part) => this.rows.records(part), report);
  }

  /** What answers ask, [examples × k]. */
  answers(examples: readonly Example[]): Promise<Matrix> {
    return this.projected(examples, (part) => this.rows.answers(part));
  }

  async release(): Promise<void> {
    await this.products.release();
  }

  private async projected(
    examples: readonly Example[],
    rowsOf: (part: readonly Example[]) => Promise<Matrix>,
    report?: Report,
  ): Promise<Matrix> {
    const data = new Float32Array(examples.length * this.dimensions);
    const step = this.rows.rowsAtOnce;
    for (let at = 0; at < examples.length; at += step) {
      const rows = await rowsOf(examples.slice(at, at + step));
      data.set((await project(this.products, rows, this.projection)).data, at * this.dimensions);
      report?.(Math.min(at + step, examples.length), examples.length);
    }
    return { rows: examples.length, columns: this.dimensions, data };
  }
}

/** Row `row` of a matrix; a view. */
export const rowOf = ({ columns, data }: Matrix, row: number): Float32Array =>
  data.subarray(row * columns, (row + 1) * columns);
