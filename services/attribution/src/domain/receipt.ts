import { type Json, PPB } from '@openledger/kernel';
import { jsonDifferences } from './json-differences.js';
import type { Stake } from './lineage.js';

export const RECEIPT_FORMAT = 'openledger-attribution-receipt/1';

/**
 * Everything that decides one score. Stored as canonical JSON, so that whoever computes the same finds it by the
 * same digest; whoever has it and the index computes every share again without a model.
 */
export interface ScoreReceipt {
  readonly format: typeof RECEIPT_FORMAT;
  /** Version of the arithmetic. */
  readonly codeVersion: string;
  readonly inputs: ReceiptInputs;
  readonly measured: ReceiptMeasures;
  readonly result: ReceiptResult;
}

/** What was there before anything was measured. Digests are of blobs. */
export interface ReceiptInputs {
  readonly requestId: string;
  readonly adapterDigest: string;
  readonly baseDigest: string;
  readonly tokensBlob: string;
  readonly indexDigest: string;
  readonly indexRoot: string;
  /** Of contributors who share a party with others, as it was known then. */
  readonly parties: Readonly<Record<string, string>>;
  /** Contributions that had been taken back. */
  readonly withdrawn: readonly string[];
  /** By record, of retrieved chunks, as they were registered then. */
  readonly chunkOwners: Readonly<Record<string, ChunkOwner>>;
  readonly reliability: { readonly ppb: number; readonly lowPpb: number; readonly highPpb: number };
}

/** Times are ISO 8601. */
export interface ChunkOwner {
  readonly recordId: string;
  readonly contentHashes: readonly string[];
  readonly contributorId: string;
  readonly contributionId: string;
  readonly datanetId: string;
  readonly acceptedAt: string;
  readonly withdrawnAt?: string;
}

/** What models and vectors gave; integers and decimals as strings, so that no reader rounds them. */
export interface ReceiptMeasures {
  /** The answer's vector: component i is the i-th integer times the scale. */
  readonly query: QuantisedQuery;
  /** In the index's order. */
  readonly groups: readonly GroupMeasure[];
  /** Influence of records that the model never saw, nats for a vector of length 1: chance; decimal. */
  readonly decoys: readonly string[];
  /** Of the answer by base model, adapter, retrieved context and both; nats, decimal. */
  readonly logLikelihoods: Readonly<Record<string, string>>;
  /** How many standard errors are taken off, decimal. */
  readonly kappa: string;
  /** Deviation of influence on this answer by chance, nats for a vector of length 1, decimal. */
  readonly noise: string;
  /** Of the clusters that are paid, and what stands out of any. */
  readonly records: readonly RecordMeasure[];
  /** By party: nats that the adapter added on its verbatim spans, decimal. */
  readonly spanNats: Readonly<Record<string, string>>;
  /** What retrieved chunks added, nats, decimal; those that say the same count as one. */
  readonly chunks: readonly {
    /** Empty where nobody owns what it says. */
    readonly contributorId: string;
    readonly nats: string;
    readonly standardError: string;
  }[];
}

/** One record of a paid cluster. */
export interface RecordMeasure {
  /** The group that it is in. */
  readonly group: string;
  /** Place in the lineage. */
  readonly record: number;
  readonly contributorId: string;
  /** Dot product of the query's integers and the record's, an integer. */
  readonly product: string;
  /** What an integer of the record is worth, decimal. */
  readonly scale: string;
  /** Of its influence by chance, nats, decimal. */
  readonly deviation: string;
  readonly tokens: number;
  readonly withdrawn: boolean;
}

export interface QuantisedQuery {
  /** Base64 of little-endian 16-bit integers. */
  readonly int16: string;
  readonly scale: string;
}

export interface GroupMeasure {
  readonly id: string;
  /** Dot product of the query's integers and the group's sum, an integer. */
  readonly sum: string;
  /** What an integer of the sum is worth, decimal. */
  readonly scale: string;
  /** Of the group's influence by chance: noise · √Σ|z|² over its records; nats, decimal. */
  readonly deviation: string;
}

/** The shares, parts per billion. */
export interface ReceiptResult {
  readonly status: 'scored' | 'unattributable';
  readonly reason: string;
  readonly pools: {
    readonly baseModelPpb: number;
    readonly trainingPpb: number;
    readonly contextPpb: number;
  };
  readonly contributors: readonly {
    readonly contributorId: string;
    readonly partyId: string;
    readonly influencePpb: number;
    readonly contextPpb: number;
    readonly basePpb: number;
  }[];
  readonly baseModelPpb: number;
  readonly reservePpb: number;
}

/** What a verifier needs of the index, checked by himself against its root. */
export interface IndexSums {
  readonly root: string;
  readonly stakes: readonly Stake[];
  /** Integers of a group's sum; undefined when there is no such group. */
  readonly sumOf: (groupId: string) => ArrayLike<number | bigint> | undefined;
  /** Integers of a record's row, by its place in the lineage; products of records are not checked where absent. */
  readonly rowOf?: (record: number) => ArrayLike<number | bigint> | undefined;
}

/** The rule by which shares follow from measures; pure, and by integers alone. */
export type CreditRule = (receipt: Omit<ScoreReceipt, 'result'>, index: IndexSums) => ReceiptResult;

/**
 * Computes every integer of a receipt again from what the receipt itself says was measured, and the index; returns
 * the first thing that is not as it says, undefined where all is. That the query is the answer's takes the model
 * as well: that is a replay.
 */
export function verifyReceipt(receipt: ScoreReceipt, index: IndexSums, rule: CreditRule): string | undefined {
  if (receipt.format !== RECEIPT_FORMAT) return `format: ${String(receipt.format)} is not ${RECEIPT_FORMAT}`;
  if (receipt.inputs.indexRoot !== index.root) {
    return `inputs.indexRoot: ${receipt.inputs.indexRoot} is not ${index.root}`;
  }
  const wrongSum = checkSums(receipt, index) ?? checkWhole(receipt.result);
  if (wrongSum !== undefined) return wrongSum;
  const { result, ...given } = receipt;
  const [difference] = jsonDifferences(toJson(result), toJson(rule(given, index)), 1);
  return difference === undefined ? undefined : `result.${difference}`;
}

/** Reads a query's integers; undefined when they are no whole 16-bit integers in base64. */
export function queryOf({ int16 }: QuantisedQuery): Int16Array | undefined {
  const bytes = Buffer.from(int16, 'base64');
  if (bytes.length % 2 !== 0 || bytes.toString('base64') !== int16) return undefined;
  return Int16Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readInt16LE(2 * i));
}

export function writeQuery(values: Int16Array, scale: number): QuantisedQuery {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [i, value] of values.entries()) bytes.writeInt16LE(value, 2 * i);
  return { int16: bytes.toString('base64'), scale: String(scale) };
}

function checkSums({ measured }: ScoreReceipt, { sumOf, rowOf }: IndexSums): string | undefined {
  const query = queryOf(measured.query);
  if (!query) return 'measured.query.int16: no base64 of 16-bit integers';
  const wrongGroup = firstWrong(measured.groups, ({ id, sum }, i) =>
    checkProduct(query, sumOf(id), { path: `measured.groups[${i}].sum`, claimed: sum }),
  );
  if (wrongGroup !== undefined || !rowOf) return wrongGroup;
  return firstWrong(measured.records, ({ record, product }, i) =>
    checkProduct(query, rowOf(record), { path: `measured.records[${i}].product`, claimed: product }),
  );
}

function checkProduct(
  query: Int16Array,
  integers: ArrayLike<number | bigint> | undefined,
  { path, claimed }: { readonly path: string; readonly claimed: string },
): string | undefined {
  if (!integers) return `${path}: the index has no such thing`;
  if (integers.length !== query.length) return `${path}: the index is of ${integers.length} dimensions`;
  const actual = integerDot(query, integers).toString();
  return claimed === actual ? undefined : `${path}: ${claimed} is not ${actual}`;
}

function firstWrong<T>(
  items: readonly T[],
  check: (item: T, place: number) => string | undefined,
): string | undefined {
  for (const [i, item] of items.entries()) {
    const wrong = check(item, i);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** Exact at any size: 256 products of 16 and 32 bits exceed a double's 53. */
function integerDot(one: Int16Array, other: ArrayLike<number | bigint>): bigint {
  return one.reduce((sum, value, i) => sum + BigInt(value) * BigInt(other[i] ?? 0), 0n);
}

function checkWhole({ contributors, baseModelPpb, reservePpb, pools }: ReceiptResult): string | undefined {
  const totals: Readonly<Record<string, readonly number[]>> = {
    'shares of the answer': [
      baseModelPpb,
      reservePpb,
      ...contributors.flatMap(({ influencePpb, contextPpb }) => [influencePpb, contextPpb]),
    ],
    pools: [pools.baseModelPpb, pools.trainingPpb, pools.contextPpb],
    // Without lineage there are none, and a chunk may come from who taught the model nothing.
    ...(contributors.some(({ basePpb }) => basePpb > 0) && {
      'base shares': contributors.map(({ basePpb }) => basePpb),
    }),
  };
  for (const [name, parts] of Object.entries(totals)) {
    if (parts.some((part) => !Number.isInteger(part) || part < 0)) {
      return `result: ${name} are not all whole and positive`;
    }
    const total = parts.reduce((sum, part) => sum + BigInt(part), 0n);
    if (total !== PPB) return `result: ${name} sum to ${total}, not ${PPB}`;
  }
  return undefined;
}

const toJson = (value: object): Json => JSON.parse(JSON.stringify(value)) as Json;
