import { normal, seededRandom } from '@openledger/transformer';
import { Matrix as Dense, inverse } from 'ml-matrix';
import { type Matrix, Products } from './products.js';
import { fitProjection, type Learning, project } from './projection.js';

const WIDTH = 24;
/** Share of Fisher's matrix that counts as curvature (ADR 0035). */
const CURVATURE = 0.25;
const learning: Learning = { rateSum: 0.4, scoredTokens: 120, examples: 12 };

/** Rows whose directions differ in size, as gradients' do. */
function randomRows(rows: number, seed: number, rank = WIDTH): Matrix {
  const random = seededRandom(seed);
  const data = Float32Array.from(new Float32Array(rows * WIDTH), (_, i) =>
    i % WIDTH < rank ? normal(random) * 0.9 ** (i % WIDTH) : 0,
  );
  return { rows, columns: WIDTH, data };
}

const at = ({ columns, data }: Matrix, row: number) => data.subarray(row * columns, (row + 1) * columns);
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
};

/** L/T · (I + L C)⁻¹ over all dimensions, C the share of Fisher's matrix that counts as curvature. */
function metricOf(fisher: Matrix, { rateSum, scoredTokens, examples }: Learning): Float64Array[] {
  const scale = (CURVATURE * rateSum) / (fisher.rows * (scoredTokens / examples));
  const curved = Dense.identity(WIDTH);
  for (let row = 0; row < fisher.rows; row++) {
    const own = at(fisher, row);
    for (let i = 0; i < WIDTH; i++) {
      for (let j = 0; j < WIDTH; j++) {
        curved.set(i, j, curved.get(i, j) + scale * (own[i] ?? 0) * (own[j] ?? 0));
      }
    }
  }
  const nats = rateSum / scoredTokens;
  return inverse(curved)
    .to2DArray()
    .map((row) => Float64Array.from(row, (value) => nats * value));
}

describe('fitProjection', () => {
  let products: Products;
  beforeAll(async () => {
    products = await Products.open({ threads: 1 });
  });
  afterAll(() => products.release());

  const fitted = async (fisher: Matrix, sample: Matrix, k: number, seed = 7) =>
    fitProjection(products, { fisher, sample, learning }, { k, seed });

  it.each([
    ['many draws', 40, 32],
    ['fewer draws than dimensions', 9, 32],
  ])('keeps every product of a record and an answer: %s', async (_name, draws, records) => {
    const fisher = randomRows(draws, 1);
    const sample = randomRows(records, 2);
    const metric = metricOf(fisher, learning);
    const projection = await fitted(fisher, sample, 32);
    expect(projection.captured).toBe(1);
    expect([projection.basis.rows, projection.basis.columns]).toEqual([32, WIDTH]);
    // Records that were fitted to, records that were not, and answers.
    const others = randomRows(6, 3);
    const answers = randomRows(5, 4);
    const asked = await project(products, answers, projection);
    for (const rows of [sample, others]) {
      const vectors = await project(products, rows, projection);
      for (let q = 0; q < answers.rows; q++) {
        const metricTimesAnswer = metric.map((row) => dot(row, at(answers, q)));
        const expected = Array.from({ length: rows.rows }, (_, i) => dot(at(rows, i), metricTimesAnswer));
        const size = Math.max(...expected.map(Math.abs));
        for (const [i, value] of expected.entries())
          expect(Math.abs(dot(at(vectors, i), at(asked, q)) - value)).toBeLessThan(1e-4 * size);
      }
    }
  });

  it('is the plain product, a step that nothing takes back, where training was short', async () => {
    const [fisher, sample] = [randomRows(40, 1), randomRows(32, 2)];
    const short = { ...learning, rateSum: 1e-9 };
    const projection = await fitProjection(products, { fisher, sample, learning: short }, { k: 32, seed: 7 });
    const vectors = await project(products, sample, projection);
    for (let i = 1; i < sample.rows; i++) {
      const expected = (1e-9 / 120) * dot(at(sample, 0), at(sample, i));
      const size =
        (1e-9 / 120) * Math.sqrt(dot(at(sample, 0), at(sample, 0)) * dot(at(sample, i), at(sample, i)));
      expect(Math.abs(dot(at(vectors, 0), at(vectors, i)) - expected)).toBeLessThan(1e-4 * size);
    }
  });

  it('takes off what training finds its way back from', async () => {
    const [fisher, sample] = [randomRows(40, 1), randomRows(32, 2)];
    const energyOf = async (rateSum: number) => {
      const projection = await fitProjection(
        products,
        { fisher, sample, learning: { ...learning, rateSum } },
        { k: 32, seed: 7 },
      );
      const { data } = await project(products, sample, projection);
      return dot(data, data) / rateSum;
    };
    const energies = [await energyOf(1e-6), await energyOf(10), await energyOf(1e4)];
    expect(energies).toEqual(energies.toSorted((a, b) => b - a));
    expect((energies[2] ?? 1) / (energies[0] ?? 1)).toBeLessThan(0.5);
  });

  it('keeps the most energy that so few dimensions can, and says how much', async () => {
    const [fisher, sample] = [randomRows(40, 1), randomRows(200, 2)];
    const all = await project(products, sample, await fitted(fisher, sample, 256));
    const energy = dot(all.data, all.data);
    let before = 0;
    for (const k of [1, 4, 16, 24]) {
      const projection = await fitted(fisher, sample, k);
      const { data } = await project(products, sample, projection);
      expect(dot(data, data) / energy).toBeCloseTo(projection.captured, 4);
      expect(projection.captured).toBeGreaterThan(before);
      before = projection.captured;
    }
    // The first 64 of a longer one are the vectors of 64.
    const short = await project(products, sample, await fitted(fisher, sample, 64));
    for (let row = 0; row < sample.rows; row++) expect(at(all, row).slice(0, 64)).toEqual(at(short, row));
  });

  it('is the same of the same rows, and leaves dimensions that are not there at zero', async () => {
    const [fisher, sample] = [randomRows(12, 1), randomRows(8, 2, 3)];
    const projection = await fitted(fisher, sample, 80);
    expect(await fitted(fisher, sample, 80)).toEqual(projection);
    expect(projection.captured).toBe(1);
    const { data } = await project(products, sample, projection);
    expect(data.every(Number.isFinite)).toBe(true);
    for (let row = 0; row < sample.rows; row++)
      expect(data.subarray(row * 80 + 64, (row + 1) * 80).every((value) => value === 0)).toBe(true);
  });

  it('refuses rows that are not finite', async () => {
    const damaged = randomRows(8, 2);
    damaged.data[5] = Number.NaN;
    const code = expect.objectContaining({ code: 'NOT_FINITE' });
    await expect(fitted(randomRows(12, 1), damaged, 16)).rejects.toEqual(code);
    await expect(fitted(damaged, randomRows(12, 1), 16)).rejects.toEqual(code);
  });

  it('makes zeros of rows that are zero', async () => {
    const zero: Matrix = { rows: 4, columns: WIDTH, data: new Float32Array(4 * WIDTH) };
    const projection = await fitted(randomRows(12, 1), zero, 16);
    expect(projection.basis.data.every((value) => value === 0)).toBe(true);
    expect(projection.captured).toBe(0);
    const withoutCurvature = await fitted(zero, randomRows(8, 2), 16);
    expect(withoutCurvature.captured).toBe(1);
  });
});
