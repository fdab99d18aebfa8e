import type { Answer, Charge, Credit } from '../../application/metering/answer-ports.js';
import { writeParty, writePrice, writeScored } from './answer-row.js';

type Value = string | number | null;

interface Column {
  readonly name: string;
  /** As it is sent. */
  readonly type: string;
  /** What Postgres makes of it, where that is something else. */
  readonly toValue?: string;
  /** Undefined: the answer has none of these facts, and what is stored stays. */
  readonly of: (answer: Answer) => Value | undefined;
  /** Never needs quoting inside an array: no text of others. */
  readonly plain?: boolean;
}

type Served = NonNullable<Answer['served']>;

const plain = { plain: true };
const served = (
  name: string,
  type: string,
  of: (served: Served) => Value,
  more: Partial<Column> = {},
): Column => ({
  name,
  type,
  of: (answer) => answer.served && of(answer.served),
  ...more,
});
const credit = (
  name: string,
  type: string,
  of: (credit: Credit) => Value,
  more: Partial<Column> = {},
): Column => ({
  name,
  type,
  of: (answer) => answer.credit && of(answer.credit),
  ...more,
});

const charge = (name: string, type: string, of: (charge: Charge) => Value): Column => ({
  name,
  type,
  of: (answer) => answer.charge && of(answer.charge),
  ...plain,
});

/** Between the items of a list that travels as one text: arrays of arrays must all be of one length. */
const SEPARATOR = '\u001f';
const list = (items: readonly string[]): string => items.join(SEPARATOR);
const textList = { toValue: `string_to_array($, E'\\x1f')` };

const SERVED: readonly Column[] = [
  served('organisation_id', 'text', ({ organisationId }) => organisationId),
  served('model_id', 'text', ({ modelId }) => modelId),
  served('prompt_tokens', 'int', ({ usage }) => usage.promptTokens, plain),
  served('cached_tokens', 'int', ({ usage }) => usage.cachedTokens ?? null, plain),
  served('completion_tokens', 'int', ({ usage }) => usage.completionTokens, plain),
  served('hold_id', 'text', ({ holdId }) => holdId),
  served('told', 'text', ({ told }) => (told ? JSON.stringify(told) : null), { toValue: '$::json' }),
  served('adapter_digest', 'text', ({ adapterDigest }) => adapterDigest ?? null),
  served('node_key', 'text', ({ nodeKey }) => nodeKey ?? null),
  served('served_at', 'float8', ({ servedAt }) => servedAt.getTime() / 1_000, {
    ...plain,
    toValue: 'to_timestamp($)',
  }),
];

const SCORED: readonly Column[] = [
  {
    name: 'attribution',
    type: 'text',
    toValue: '$::json',
    of: ({ scored }) => scored && writeScored(scored),
  },
];

const CHARGE: readonly Column[] = [
  charge('priced', 'numeric', ({ pricedWei }) => pricedWei.toString()),
  charge('fee', 'numeric', ({ feeWei }) => feeWei.toString()),
  charge('price', 'text', ({ price }) => (price ? writePrice(price) : null)),
  charge('charge_batch', 'uuid', ({ batchId }) => batchId),
];

const CREDIT: readonly Column[] = [
  credit('credited_at', 'float8', ({ creditedAt }) => creditedAt.getTime() / 1_000, {
    ...plain,
    toValue: 'to_timestamp($)',
  }),
  credit('credit_batch', 'uuid', ({ batchId }) => batchId, plain),
  credit('ledger_epoch', 'int', ({ ledgerEpoch }) => ledgerEpoch, plain),
  credit('royalties', 'text', ({ royaltiesId }) => royaltiesId ?? null),
  credit('policy_version', 'int', ({ policyVersion }) => policyVersion ?? null, plain),
  credit('part_roles', 'text', ({ parts }) => list(parts.map(({ role }) => role)), textList),
  credit('part_payees', 'text', ({ parts }) => list(parts.map(({ payeeId }) => payeeId)), textList),
  credit('part_parties', 'text', ({ parts }) => list(parts.map(writeParty)), textList),
  credit('part_amounts', 'text', ({ parts }) => list(parts.map(({ amountWei }) => amountWei.toString())), {
    toValue: `${textList.toValue}::numeric(39, 0)[]`,
  }),
];

const ID: Column = { name: 'id', type: 'text', of: ({ id }) => id };

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly string[];
}

/** In one order everywhere, so that two batches with the same answers never wait for each other in a circle. */
export function insertionOf(answers: readonly Answer[]): Statement {
  const columns = columnsIn(answers);
  const names = columns.map(({ name }) => name).join(', ');
  const sql = `INSERT INTO request (${names}) ${given(columns)} ORDER BY id ON CONFLICT DO NOTHING RETURNING 1`;
  return { sql, parameters: columns.map((column) => arrayOf(column, answers)) };
}

/**
 * Adds the facts that these answers have to what is stored of them. The second condition says what the first implies, and
 * keeps the planner from reading all answers there are.
 */
export function completionOf(answers: readonly Answer[]): Statement {
  const columns = columnsIn(answers);
  const changes = columns.slice(1).map(({ name }) => `${name} = coalesce(given.${name}, request.${name})`);
  const sql = `UPDATE request SET ${changes.join(', ')} FROM (${given(columns)}) AS given
    WHERE request.id = given.id AND request.id = ANY($1::text[])`;
  return { sql, parameters: columns.map((column) => arrayOf(column, answers)) };
}

/** Only those that one of the answers has something for: a row is written as narrow as it is. */
const columnsIn = (answers: readonly Answer[]): readonly Column[] => [
  ID,
  ...(answers.some((answer) => answer.served) ? SERVED : []),
  ...(answers.some((answer) => answer.scored) ? SCORED : []),
  ...(answers.some((answer) => answer.charge) ? CHARGE : []),
  ...(answers.some((answer) => answer.credit) ? CREDIT : []),
];

function given(columns: readonly Column[]): string {
  const sent = columns.map(({ type }, i) => `$${i + 1}::${type}[]`).join(', ');
  const names = columns.map(({ name }) => name).join(', ');
  const read = columns.map(({ name, toValue }) =>
    toValue === undefined ? name : `${toValue.replace('$', name)} AS ${name}`,
  );
  return `SELECT ${read.join(', ')} FROM unnest(${sent}) AS sent (${names})`;
}

/** An array as Postgres reads it, written in one go: the driver would look at every character of every item. */
function arrayOf({ of, plain: isPlain }: Column, answers: readonly Answer[]): string {
  const items = answers.map((answer) => {
    const value = of(answer) ?? null;
    if (value === null) return 'NULL';
    return isPlain ? String(value) : quoted(String(value));
  });
  return `{${items.join(',')}}`;
}

const SPECIAL = /["\\]/;
const quoted = (text: string): string =>
  SPECIAL.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : `"${text}"`;
