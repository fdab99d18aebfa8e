import { PPB } from '@openledger/kernel';
import fc from 'fast-check';
import {
  type CreditRule,
  type IndexSums,
  queryOf,
  RECEIPT_FORMAT,
  type ReceiptMeasures,
  type ScoreReceipt,
  verifyReceipt,
  writeQuery,
} from './receipt.js';

const DIMENSIONS = 256;
const query = Int16Array.from({ length: DIMENSIONS }, (_, i) => (i % 2 === 0 ? 32_767 : -32_768));
/** Large enough that a product of doubles would round. */
const sums = new Map([
  [
    'first',
    Int32Array.from({ length: DIMENSIONS }, (_, i) => (i % 2 === 0 ? 2_147_483_647 : -2_147_483_648)),
  ],
  ['second', Int32Array.from({ length: DIMENSIONS }, (_, i) => i - 7)],
]);
const rows = [Int8Array.from({ length: DIMENSIONS }, (_, i) => (i % 255) - 127)];
const dot = (integers: ArrayLike<number>) =>
  query.reduce((sum, value, i) => sum + BigInt(value) * BigInt(integers[i] ?? 0), 0n).toString();

const index: IndexSums = {
  root: 'root',
  stakes: [{ contributorId: 'ada', records: 1, tokens: 9, basePpb: 1_000_000_000 }],
  sumOf: (id) => sums.get(id),
  rowOf: (record) => rows[record],
};

/** Ada has half of the training pool. */
const rule: CreditRule = (_receipt, { stakes }) => ({
  status: 'scored',
  reason: '',
  pools: { baseModelPpb: 200_000_000, trainingPpb: 800_000_000, contextPpb: 0 },
  contributors: stakes.map(({ contributorId, basePpb }) => ({
    contributorId,
    partyId: contributorId,
    influencePpb: 400_000_000,
    contextPpb: 0,
    basePpb,
  })),
  baseModelPpb: 200_000_000,
  reservePpb: 400_000_000,
});

const measured: ReceiptMeasures = {
  query: writeQuery(query, 0.1),
  groups: [...sums].map(([id, sum]) => ({ id, sum: dot(sum), scale: '0.5', deviation: '0.25' })),
  records: [
    {
      group: 'first',
      record: 0,
      contributorId: 'ada',
      product: dot(rows[0] ?? []),
      scale: '0.5',
      deviation: '0.25',
      tokens: 9,
      withdrawn: false,
    },
  ],
  decoys: ['1.5'],
  logLikelihoods: { base: '-9.5', adapter: '-2', context: '-9.5', both: '-2' },
  kappa: '2',
  noise: '0.5',
  spanNats: {},
  chunks: [],
};
const given: Omit<ScoreReceipt, 'result'> = {
  format: RECEIPT_FORMAT,
  codeVersion: 'test/1',
  inputs: {
    requestId: 'request',
    adapterDigest: 'adapter',
    baseDigest: 'base',
    tokensBlob: 'tokens',
    indexDigest: 'index',
    indexRoot: 'root',
    parties: {},
    withdrawn: [],
    chunkOwners: {},
    reliability: { ppb: 1, lowPpb: 0, highPpb: 2 },
  },
  measured,
};
const receipt: ScoreReceipt = { ...given, result: rule(given, index) };
const verify = (change: Partial<ScoreReceipt>) => verifyReceipt({ ...receipt, ...change }, index, rule);
const withMeasured = (change: Partial<ReceiptMeasures>) => verify({ measured: { ...measured, ...change } });
const withResult = (change: Partial<ScoreReceipt['result']>) =>
  verify({ result: { ...receipt.result, ...change } });

describe('verifyReceipt', () => {
  it('finds nothing wrong with a receipt that says what is so', () => {
    expect(verifyReceipt(receipt, index, rule)).toBeUndefined();
    expect(verifyReceipt(JSON.parse(JSON.stringify(receipt)) as ScoreReceipt, index, rule)).toBeUndefined();
  });

  it('names the first thing in a forged one that is not so', () => {
    const [first, second] = measured.groups;
    const forged = first && second ? [first, { ...second, sum: `${BigInt(second.sum) + 1n}` }] : [];
    expect(withMeasured({ groups: forged })).toBe(
      `measured.groups[1].sum: ${forged[1]?.sum} is not ${second?.sum}`,
    );
    const [record] = measured.records;
    expect(withMeasured({ records: record ? [{ ...record, product: '0' }] : [] })).toMatch(
      /^measured\.records\[0\]\.product: 0 is not /,
    );
    expect(withMeasured({ groups: first ? [{ ...first, id: 'third' }] : [] })).toMatch(
      /^measured\.groups\[0\]\.sum/,
    );
    expect(verify({ inputs: { ...receipt.inputs, indexRoot: 'other' } })).toBe(
      'inputs.indexRoot: other is not root',
    );
    expect(verify({ format: 'receipt/2' as typeof RECEIPT_FORMAT })).toMatch(/^format: /);
  });

  it('checks what the pay follows from, to the unit', () => {
    expect(withResult({ reservePpb: 400_000_001 })).toBe(
      'result: shares of the answer sum to 1000000001, not 1000000000',
    );
    const [ada] = receipt.result.contributors;
    const moved = ada ? [{ ...ada, influencePpb: ada.influencePpb + 1 }] : [];
    expect(withResult({ contributors: moved, reservePpb: 399_999_999 })).toBe(
      'result.contributors[0].influencePpb: 400000001 is not 400000000',
    );
    expect(withResult({ contributors: ada ? [{ ...ada, basePpb: 5 }] : [] })).toMatch(
      /^result: base shares sum to 5/,
    );
    expect(withResult({ pools: { baseModelPpb: 1, trainingPpb: 1, contextPpb: 1 } })).toMatch(
      /^result: pools sum/,
    );
    expect(withResult({ baseModelPpb: 200_000_000.5, reservePpb: 399_999_999.5 })).toMatch(/whole/);
    expect(withResult({ baseModelPpb: -1, reservePpb: Number(PPB) })).toMatch(/whole/);
  });

  it('takes another query for another answer', () => {
    const other = query.slice();
    other[3] = 5;
    expect(withMeasured({ query: writeQuery(other, 0.1) })).toMatch(/^measured\.groups\[0\]\.sum/);
    expect(withMeasured({ query: writeQuery(query.slice(1), 0.1) })).toMatch(/256 dimensions/);
    expect(withMeasured({ query: { int16: 'not base64!', scale: '1' } })).toMatch(/^measured\.query\.int16/);
  });
});

describe('a quantised query', () => {
  it('reads back as it was written', () => {
    fc.assert(
      fc.property(fc.int16Array(), fc.double({ noNaN: true }), (values, scale) => {
        const written = writeQuery(values, scale);
        expect(queryOf(written)).toEqual(values);
        expect(Object.is(Number(written.scale), scale) || scale === 0).toBe(true);
      }),
    );
  });
});
