import type { CopyCount, CopyEvidence } from '../domain/assessment/assessment-output.js';
import type { CopyCase } from '../domain/parties/copy-link.js';
import type { Party, PartyChange } from '../domain/parties/party.js';
import type { Query } from './record-index.postgres.js';

export async function addCopies(
  query: Query,
  contributorId: string,
  records: number,
  copies: readonly CopyCount[],
): Promise<CopyCase[]> {
  const [contributor] = await query<{ records: string }>(
    `INSERT INTO contributor (contributor_id, records) VALUES ($1, $2)
     ON CONFLICT (contributor_id) DO UPDATE SET records = contributor.records + excluded.records
     RETURNING records`,
    [contributorId, records],
  );
  const sent = Number(contributor?.records ?? records);
  const cases: CopyCase[] = [];
  for (const { ownerId, copies: now, exactCopies } of copies) {
    const [total] = await query<{ copies: number; exact_copies: number }>(
      `INSERT INTO copy_total (copier_id, owner_id, copies, exact_copies) VALUES ($1, $2, $3, $4)
       ON CONFLICT (copier_id, owner_id) DO UPDATE
          SET copies = copy_total.copies + excluded.copies,
              exact_copies = copy_total.exact_copies + excluded.exact_copies
       RETURNING copies, exact_copies`,
      [contributorId, ownerId, now, exactCopies],
    );
    cases.push({
      copierId: contributorId,
      ownerId,
      now: { copies: now, exactCopies, records },
      ever: {
        copies: total?.copies ?? now,
        exactCopies: total?.exact_copies ?? exactCopies,
        records: sent,
      },
    });
  }
  return cases;
}

export async function addEvidence(
  query: Query,
  assessmentNo: number,
  copierId: string,
  evidence: readonly CopyEvidence[],
): Promise<void> {
  await query(
    `INSERT INTO copy_evidence (copier_id, owner_id, assessment_no, record_index, record_id, owner_record_id,
                                owner_contribution_id, exact, similarity)
     SELECT $1, e.owner, $2, e.index, decode(e.id, 'hex'), decode(e.owner_record, 'hex'), e.contribution, e.exact,
            e.similarity
       FROM unnest($3::text[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::boolean[], $9::real[])
            WITH ORDINALITY AS e (owner, index, id, owner_record, contribution, exact, similarity, at)
      ORDER BY e.at`,
    [
      copierId,
      assessmentNo,
      evidence.map(({ match }) => match.contributorId),
      evidence.map(({ recordIndex }) => recordIndex),
      evidence.map(({ recordId }) => recordId),
      evidence.map(({ match }) => match.recordId),
      evidence.map(({ match }) => match.contributionId),
      evidence.map(({ exact }) => exact),
      evidence.map(({ match }) => match.similarity),
    ],
  );
}

/** One change of parties at a time: two Datanets may link the same people in the same moment. */
export async function lockPartiesOf(query: Query, contributorIds: readonly string[]): Promise<Party[]> {
  await query(`SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.party'))`);
  const rows = await query<{ party_id: string; members: string[] }>(
    `SELECT party_id, array_agg(contributor_id ORDER BY contributor_id COLLATE "C") AS members
       FROM party_member
      WHERE party_id IN (SELECT party_id FROM party_member WHERE contributor_id = ANY ($1::text[]))
      GROUP BY party_id ORDER BY party_id`,
    [contributorIds],
  );
  return rows.map(({ party_id, members }) => ({ id: party_id, contributorIds: members }));
}

export async function replaceParties(
  query: Query,
  { party, absorbedPartyIds }: PartyChange,
  reason: string,
  at: Date,
): Promise<void> {
  await query(
    `INSERT INTO party (party_id, reason, changed_at) VALUES ($1, $2, $3)
     ON CONFLICT (party_id) DO UPDATE SET reason = excluded.reason, changed_at = excluded.changed_at`,
    [party.id, reason, at],
  );
  await query(
    `INSERT INTO party_member (contributor_id, party_id)
     SELECT member, $2 FROM unnest($1::text[]) AS member
     ON CONFLICT (contributor_id) DO UPDATE SET party_id = excluded.party_id`,
    [party.contributorIds, party.id],
  );
  await query('DELETE FROM party WHERE party_id = ANY ($1::text[])', [absorbedPartyIds]);
}
