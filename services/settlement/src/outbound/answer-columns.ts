import type { Answer, ReceiptPart } from '../application/answer-ports.js';
import { writeScored } from './answer-row.js';

type Value = string | number | Date | null;

interface Column {
  readonly name: string;
  /** As it is sent; `cast` where Postgres then makes something else of it. */
  readonly type: string;
  readonly cast?: string;
  readonly read: (answer: Answer) => Value;
}

const served = (
  name: string,
  type: string,
  read: (served: NonNullable<Answer['served']>) => Value,
): Column => ({ name, type, read: (answer) => (answer.served ? read(answer.served) : null) });

const credit = (
  name: string,
  type: string,
  read: (credit: NonNullable<Answer['credit']>) => Value,
): Column => ({ name, type, read: (answer) => (answer.credit ? read(answer.credit) : null) });

/** A row's list travels as one text, because arrays of arrays must all be of one length. */
const parts = (name: string, type: string, read: (part: ReceiptPart) => string): Column => ({
  ...credit(name, 'text', (given) => arrayOf(given.parts.map(read))),
  cast: type,
});

/** A text array as Postgres reads it. */
const arrayOf = (items: readonly string[]): string =>
  `{${items.map((item) => `"${item.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;

const COLUMNS: readonly Column[] = [
  { name: 'id', type: 'text', read: ({ id }) => id },
  served('organisation_id', 'text', ({ organisationId }) => organisationId),
  served('model_id', 'text', ({ modelId }) => modelId),
  served('prompt_tokens', 'int', ({ usage }) => usage.promptTokens),
  served('cached_tokens', 'int', ({ usage }) => usage.cachedTokens ?? null),
  served('completion_tokens', 'int', ({ usage }) => usage.completionTokens),
  served('hold_id', 'text', ({ holdId }) => holdId),
  { ...served('told', 'text', ({ told }) => (told ? JSON.stringify(told) : null)), cast: 'jsonb' },
  served('adapter_digest', 'text', ({ adapterDigest }) => adapterDigest ?? null),
  served('node_key', 'text', ({ nodeKey }) => nodeKey ?? null),
  served('served_at', 'timestamptz', ({ servedAt }) => servedAt.toISOString()),
  {
    name: 'attribution',
    type: 'text',
    cast: 'jsonb',
    read: ({ scored }) => (scored ? writeScored(scored) : null),
  },
  { name: 'priced', type: 'numeric', read: ({ charge }) => charge?.pricedWei.toString() ?? null },
  { name: 'fee', type: 'numeric', read: ({ charge }) => charge?.feeWei.toString() ?? null },
  { name: 'charge_batch', type: 'uuid', read: ({ charge }) => charge?.batchId ?? null },
  credit('credited_at', 'timestamptz', ({ creditedAt }) => creditedAt.toISOString()),
  credit('credit_batch', 'uuid', ({ batchId }) => batchId),
  credit('ledger_epoch', 'int', ({ ledgerEpoch }) => ledgerEpoch),
  credit('policy_version', 'int', ({ policyVersion }) => policyVersion ?? null),
  parts('part_roles', 'text[]', ({ role }) => role),
  parts('part_payees', 'text[]', ({ payeeId }) => payeeId),
  parts('part_parties', 'text[]', ({ partyId }) => partyId),
  parts('part_amounts', 'numeric(39, 0)[]', ({ amountWei }) => amountWei.toString()),
];

const NAMES = COLUMNS.map(({ name }) => name).join(', ');
const SENT = COLUMNS.map(({ type }, i) => `$${i + 1}::${type}[]`).join(', ');
const READ = COLUMNS.map(({ name, cast }) => (cast ? `${name}::${cast}` : name)).join(', ');
const GIVEN = `SELECT ${READ} FROM unnest(${SENT}) AS sent (${NAMES})`;

/** In one order everywhere, so that two batches with the same answers never wait for each other in a circle. */
export const INSERT_ANSWERS = `
  INSERT INTO request (${NAMES}) ${GIVEN} ORDER BY id ON CONFLICT DO NOTHING RETURNING 1`;

/** What is known stays. */
export const COMPLETE_ANSWERS = `
  UPDATE request SET ${COLUMNS.slice(1)
    .map(({ name }) => `${name} = coalesce(request.${name}, given.${name})`)
    .join(', ')}
  FROM (${GIVEN}) AS given WHERE request.id = given.id`;

/** Parameters of both. */
export const columnsOf = (answers: readonly Answer[]): Value[][] =>
  COLUMNS.map(({ read }) => answers.map(read));
