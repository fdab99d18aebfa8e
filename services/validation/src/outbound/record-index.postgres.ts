import { invariant } from '@openledger/kernel';
import type { Transaction } from '@openledger/persistence';
import type { EarlierRecord, RecordAnswer, RecordQuestion } from '../domain/assessment/assessment-input.js';
import type { IndexedRecord } from '../domain/assessment/assessment-output.js';
import { type Meetings, noteMeetings, promising } from '../domain/duplicates/candidate-ranking.js';
import { type IndexKeys, POSTINGS_MAX } from '../domain/duplicates/index-keys.js';

/** Either a transaction or the pool. */
export type Query = Transaction['query'];

/** Rows in one statement. */
const INSERT_ROWS = 500;
/** Texts fetched in one statement. */
const TEXTS_MAX = 2_000;

/** The lowest bit tells the two kinds of keys apart, so that both live in one table. */
const bandKey = (key: number): number => key & ~1;
const anchorKey = (key: number): number => key | 1;
const storedKeys = ({ bands, anchors }: IndexKeys): number[] => [
  ...new Set([...bands].map(bandKey).concat([...anchors].map(anchorKey))),
];

interface EarlierRow {
  no: number;
  record_id: string;
  datanet_id: string;
  contribution_id: string;
  contributor_id: string;
  normalised_text: string;
  text_hash: string;
}

const EARLIER = `
  SELECT record.no, encode(record.owner_record_id, 'hex') AS record_id, assessment.datanet_id,
         assessment.contribution_id, assessment.contributor_id, record.normalised_text,
         encode(record.text_hash, 'hex') AS text_hash
    FROM record JOIN assessment ON assessment.no = record.owner_assessment_no`;

/** Earlier records that each question's record may repeat: the oldest of the same words, and the promising ones. */
export async function lookUp(
  query: Query,
  questions: readonly RecordQuestion[],
): Promise<Map<number, RecordAnswer>> {
  const exact = await exactMatches(query, questions);
  const open = questions.filter(({ textHash }) => !exact.has(textHash));
  const chosen = await chooseCandidates(query, open);
  const texts = await fetchRecords(query, new Set([...chosen.values()].flat()));
  const answers = new Map<number, RecordAnswer>();
  for (const { index, textHash } of questions) {
    const same = exact.get(textHash);
    const candidates = (chosen.get(index) ?? []).flatMap((no) => texts.get(no) ?? []);
    answers.set(index, same === undefined ? { candidates } : { exact: same, candidates: [] });
  }
  return answers;
}

async function exactMatches(
  query: Query,
  questions: readonly RecordQuestion[],
): Promise<Map<string, EarlierRecord>> {
  const hashes = [...new Set(questions.map(({ textHash }) => textHash))];
  const rows = await query<EarlierRow>(
    `SELECT DISTINCT ON (text_hash) * FROM (${EARLIER} WHERE record.text_hash = ANY ($1::bytea[])) AS found
      ORDER BY text_hash, no`,
    [hashes.map((hash) => Buffer.from(hash, 'hex'))],
  );
  // The text itself is not needed: it is the one that was asked about.
  return new Map(rows.map((row) => [row.text_hash, toEarlier({ ...row, normalised_text: '' })]));
}

/** For each record, the numbers of the earlier ones to compare it with. */
async function chooseCandidates(
  query: Query,
  questions: readonly RecordQuestion[],
): Promise<Map<number, number[]>> {
  const keys = [...new Set(questions.flatMap(storedKeys))];
  // The oldest of each key: a crowd of later records cannot hide the one that came first.
  const rows = await query<{ key: number; record_no: number }>(
    `SELECT asked.key, found.record_no
       FROM unnest($1::integer[]) AS asked (key)
       CROSS JOIN LATERAL (
         SELECT record_no FROM posting WHERE posting.key = asked.key ORDER BY record_no LIMIT ${POSTINGS_MAX}
       ) AS found`,
    [keys],
  );
  const postings = new Map<number, number[]>();
  for (const { key, record_no } of rows) {
    const list = postings.get(key);
    if (list === undefined) postings.set(key, [record_no]);
    else list.push(record_no);
  }
  return new Map(questions.map((question) => [question.index, promisingFor(question, postings)]));
}

function promisingFor(keys: IndexKeys, postings: ReadonlyMap<number, number[]>): number[] {
  const meetings = new Map<number, Meetings>();
  for (const key of keys.bands) noteMeetings(meetings, postings.get(bandKey(key)) ?? [], 'bands');
  for (const key of keys.anchors) noteMeetings(meetings, postings.get(anchorKey(key)) ?? [], 'anchors');
  return promising(meetings, keys.anchors.length);
}

async function fetchRecords(query: Query, numbers: ReadonlySet<number>): Promise<Map<number, EarlierRecord>> {
  const all = [...numbers];
  const found = new Map<number, EarlierRecord>();
  for (let from = 0; from < all.length; from += TEXTS_MAX) {
    const rows = await query<EarlierRow>(`${EARLIER} WHERE record.no = ANY ($1::integer[])`, [
      all.slice(from, from + TEXTS_MAX),
    ]);
    for (const row of rows) found.set(row.no, toEarlier(row));
  }
  return found;
}

const toEarlier = (row: EarlierRow): EarlierRecord => ({
  recordId: row.record_id,
  datanetId: row.datanet_id,
  contributionId: row.contribution_id,
  contributorId: row.contributor_id,
  normalisedText: row.normalised_text,
});

/** Makes texts findable, in their order: the number tells which came first. */
export async function addToIndex(query: Query, records: readonly IndexedRecord[]): Promise<void> {
  for (let from = 0; from < records.length; from += INSERT_ROWS) {
    const chunk = records.slice(from, from + INSERT_ROWS);
    const rows = await query<{ no: number; text_hash: string }>(
      `INSERT INTO record (owner_record_id, owner_assessment_no, text_hash, normalised_text)
       SELECT decode(r.id, 'hex'), assessment.no, decode(r.hash, 'hex'), r.body
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY
              AS r (id, contribution, hash, body, at)
         JOIN assessment ON assessment.contribution_id = r.contribution
        ORDER BY r.at
       RETURNING no, encode(text_hash, 'hex') AS text_hash`,
      [
        chunk.map(({ owner }) => owner.recordId),
        chunk.map(({ owner }) => owner.contributionId),
        chunk.map(({ textHash }) => textHash),
        chunk.map(({ owner }) => owner.normalisedText),
      ],
    );
    const numbers = new Map(rows.map((row) => [row.text_hash, row.no]));
    await addPostings(query, chunk, numbers);
  }
}

async function addPostings(
  query: Query,
  records: readonly IndexedRecord[],
  numbers: ReadonlyMap<string, number>,
): Promise<void> {
  const keys: number[] = [];
  const targets: number[] = [];
  for (const { textHash, keys: own } of records) {
    const no = numbers.get(textHash);
    invariant(no !== undefined, 'every text was stored, because its owner is assessed');
    for (const key of storedKeys(own)) {
      keys.push(key);
      targets.push(no);
    }
  }
  await query(
    `INSERT INTO posting (key, record_no)
     SELECT * FROM unnest($1::integer[], $2::integer[]) AS p (key, record_no) ORDER BY 1, 2`,
    [keys, targets],
  );
}
