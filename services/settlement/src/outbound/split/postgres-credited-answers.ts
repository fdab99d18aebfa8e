import type { Database } from '@openledger/persistence';
import { type CreditedAnswer, CreditedAnswers } from '../../application/split/simulate-policy.js';
import { type AnswerRow, toAnswer } from '../metering/answer-row.js';

interface CreditedRow extends AnswerRow {
  readonly node_operator: string | null;
}

const NEWEST = `
  SELECT request.*, node_key.organisation_id AS node_operator
  FROM request LEFT JOIN node_key ON node_key.public_key = request.node_key
  WHERE ledger_epoch IS NOT NULL ORDER BY ledger_epoch DESC, id COLLATE "C" DESC LIMIT $1`;

export class PostgresCreditedAnswers extends CreditedAnswers {
  constructor(private readonly database: Database) {
    super();
  }

  async newest(limit: number): Promise<CreditedAnswer[]> {
    const rows = await this.database.query<CreditedRow>(NEWEST, [limit]);
    return rows.flatMap((row) => {
      const { served, scored, charge, credit } = toAnswer(row);
      if (!served || !scored || !charge || !credit) return [];
      return {
        modelId: served.modelId,
        adapterDigest: served.adapterDigest ?? '',
        feeWei: charge.feeWei,
        attribution: scored.attribution,
        parts: credit.parts,
        ...(row.node_operator === null ? {} : { nodeOperatorId: row.node_operator }),
        servedAt: served.servedAt,
      };
    });
  }
}
