import fc from 'fast-check';
import { type IndexSums, RECEIPT_FORMAT, type ScoreReceipt, verifyReceipt, writeQuery } from '../receipt.js';
import { exactProduct, quantiseQuery, quantiseRow } from '../vectors/quantise.js';
import { receiptRule } from './receipt-rule.js';

const DIMENSIONS = 16;
const CLUSTERS = 3;
const NOISE = 0.07;
const people = ['ada', 'bo', 'cy'] as const;

const component = fc.double({ min: -1, max: 1, noNaN: true });
const vector = fc.array(component, { minLength: DIMENSIONS, maxLength: DIMENSIONS });
const nats = fc.double({ min: -300, max: -1, noNaN: true });
const measures = fc.record({
  query: vector,
  rows: fc.array(fc.record({ vector, by: fc.constantFrom(...people), withdrawn: fc.boolean() }), {
    minLength: 1,
    maxLength: 12,
  }),
  likelihoods: fc.record({ base: nats, adapter: nats, context: nats, both: nats }),
  spans: fc.dictionary(fc.constantFrom(...people), fc.double({ min: 0, max: 9, noNaN: true })),
  chunk: fc.double({ min: -5, max: 20, noNaN: true }),
});
type Measures = typeof measures extends fc.Arbitrary<infer T> ? T : never;

/** A receipt as scoring writes it, and the index that it is of. */
function receiptOf({ query, rows, likelihoods, spans, chunk }: Measures) {
  const asked = quantiseQuery(query);
  const stored = rows.map(({ vector: own }) => quantiseRow(own));
  const sums = Array.from({ length: CLUSTERS }, (_, cluster) =>
    quantiseQuery(
      query.map((_value, i) =>
        stored.reduce(
          (sum, { values, scale }, row) => sum + (row % CLUSTERS === cluster ? (values[i] ?? 0) * scale : 0),
          0,
        ),
      ),
    ),
  );
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
      parties: { ada: 'guild', bo: 'guild' },
      withdrawn: [],
      chunkOwners: {},
      reliability: { ppb: 1, lowPpb: 0, highPpb: 2 },
    },
    measured: {
      query: writeQuery(asked.values, asked.scale),
      groups: sums.map(({ values, scale }, cluster) => ({
        id: String(cluster),
        sum: String(exactProduct(values, asked.values)),
        scale: String(scale),
        deviation: String(NOISE),
      })),
      records: rows.map(({ by, withdrawn }, record) => ({
        group: String(record % CLUSTERS),
        record,
        contributorId: by,
        product: String(exactProduct(stored[record]?.values ?? new Int8Array(DIMENSIONS), asked.values)),
        scale: String(stored[record]?.scale),
        deviation: String(NOISE / 2),
        tokens: 3 + record,
        withdrawn,
      })),
      decoys: [],
      logLikelihoods: Object.fromEntries(
        Object.entries(likelihoods).map(([name, value]) => [name, String(value)]),
      ),
      kappa: '1',
      noise: String(NOISE),
      spanNats: Object.fromEntries(Object.entries(spans).map(([id, value]) => [id, String(value)])),
      chunks: [
        { contributorId: 'dee', nats: String(chunk), standardError: '0.1' },
        { contributorId: '', nats: '0.5', standardError: '0.1' },
      ],
    },
  };
  const index: IndexSums = {
    root: 'root',
    stakes: people.map((contributorId, i) => ({
      contributorId,
      records: 1,
      tokens: 1,
      basePpb: i === 0 ? 500_000_000 : 250_000_000,
    })),
    sumOf: (id) => sums[Number(id)]?.values,
    rowOf: (record) => stored[record]?.values,
  };
  return { receipt: { ...given, result: receiptRule(given, index) } satisfies ScoreReceipt, index };
}

const json = (receipt: ScoreReceipt) => JSON.parse(JSON.stringify(receipt)) as ScoreReceipt;

/** The first answer of which ada is paid for what she taught. */
function paidExample() {
  const taught = Array.from({ length: DIMENSIONS }, (_, i) => Math.sin(1 + i));
  return receiptOf({
    query: taught,
    rows: [
      { vector: taught, by: 'ada', withdrawn: false },
      { vector: taught.map((value) => value / 2), by: 'bo', withdrawn: false },
      { vector: taught.map((value) => -value), by: 'cy', withdrawn: false },
    ],
    likelihoods: { base: -100, adapter: -40, context: -90, both: -30 },
    spans: {},
    chunk: 6,
  });
}

describe('receiptRule', () => {
  it('gives the same shares of a receipt that was written and read back', () => {
    fc.assert(
      fc.property(measures, (given) => {
        const { receipt, index } = receiptOf(given);
        const read = json(receipt);
        const { result, ...measured } = read;
        expect(receiptRule(measured, index)).toEqual(receipt.result);
        expect(result).toEqual(receipt.result);
        expect(verifyReceipt(read, index, receiptRule)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it('finds a product that was changed, of a cluster or of a record', () => {
    const which = fc.tuple(fc.boolean(), fc.nat(), fc.integer({ min: 1, max: 1000 }));
    fc.assert(
      fc.property(measures, which, (given, [ofRecord, place, by]) => {
        const { receipt, index } = receiptOf(given);
        const { groups, records } = receipt.measured;
        const added = (product: string) => String(Number(product) + by);
        const at = place % (ofRecord ? records.length : groups.length);
        const measured = ofRecord
          ? {
              ...receipt.measured,
              records: records.map((one, i) => (i === at ? { ...one, product: added(one.product) } : one)),
            }
          : {
              ...receipt.measured,
              groups: groups.map((one, i) => (i === at ? { ...one, sum: added(one.sum) } : one)),
            };
        expect(verifyReceipt({ ...receipt, measured }, index, receiptRule)).toMatch(
          ofRecord ? `measured.records[${at}].product` : `measured.groups[${at}].sum`,
        );
      }),
      { numRuns: 300 },
    );
  });

  it('gives other shares for another scale, likelihood, deviation or chunk, so none can be changed alone', () => {
    const { receipt, index } = paidExample();
    const { measured } = receipt;
    const [first] = measured.records;
    expect(
      receipt.result.contributors.find(({ contributorId }) => contributorId === 'ada')?.influencePpb,
    ).toBeGreaterThan(0);
    const changes: Partial<ScoreReceipt['measured']>[] = [
      { records: measured.records.map((one) => (one === first ? { ...one, scale: '0.001' } : one)) },
      { records: measured.records.map((one) => (one === first ? { ...one, withdrawn: true } : one)) },
      { records: measured.records.map((one) => (one === first ? { ...one, contributorId: 'cy' } : one)) },
      { records: measured.records.map((one) => (one === first ? { ...one, deviation: '2' } : one)) },
      { groups: measured.groups.map((one) => ({ ...one, deviation: '5' })) },
      { logLikelihoods: { ...measured.logLikelihoods, both: '-29' } },
      { chunks: measured.chunks.map((one) => ({ ...one, nats: '7' })) },
      { kappa: '2' },
    ];
    for (const change of changes) {
      const forged = { ...receipt, measured: { ...measured, ...change } };
      expect(verifyReceipt(forged, index, receiptRule)).toMatch(/^result\./);
    }
  });

  it('names parties as they were known, and keeps to the shares of the index', () => {
    const { receipt } = paidExample();
    expect(
      receipt.result.contributors.map(({ contributorId, partyId, basePpb }) => [
        contributorId,
        partyId,
        basePpb,
      ]),
    ).toEqual([
      ['ada', 'guild', 500_000_000],
      ['bo', 'guild', 250_000_000],
      ['cy', 'cy', 250_000_000],
      ['dee', 'dee', 0],
    ]);
  });
});
