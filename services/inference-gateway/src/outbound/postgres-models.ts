import { type ModelDeployed, required, toPrice } from '@openledger/contracts';
import type { Price } from '@openledger/kernel';
import type { Database, Transaction } from '@openledger/persistence';
import type { ModelRegistry } from '../application/ports.js';
import type { ModelReference, ServableModel } from '../domain/model.js';

interface ModelRow {
  model_id: string;
  name: string;
  developer_organisation_id: string;
  base_digest: string;
  base_name: string;
  adapter_digest: string;
  config_blob: string;
  weights_blob: string;
  deployed_at: Date;
  prompt_wei_per_million: string | null;
  cached_prompt_wei_per_million: string | null;
  completion_wei_per_million: string | null;
}

/** Only versions by the organisation that owns the name. */
const OWNED = 'FROM model m JOIN model_name n USING (name, developer_organisation_id)';

/** The gateway's own copy of what training deployed. */
export class PostgresModels implements ModelRegistry {
  constructor(private readonly database: Database) {}

  /** @throws DomainError EVENT_INCOMPLETE, PRICE_INVALID */
  async register(tx: Transaction, event: ModelDeployed): Promise<void> {
    // A model without a price is parked rather than given away.
    const price = toPrice(required(event.price, 'price'));
    const deployedAt = required(event.deployedAt, 'deployedAt');
    await tx.query('INSERT INTO model_name VALUES ($1, $2) ON CONFLICT DO NOTHING', [
      event.name,
      event.developerOrganisationId,
    ]);
    await tx.query(
      `INSERT INTO model VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
       ON CONFLICT (model_id) DO UPDATE SET
         name = excluded.name, base_digest = excluded.base_digest, base_name = excluded.base_name,
         adapter_digest = excluded.adapter_digest, config_blob = excluded.config_blob,
         weights_blob = excluded.weights_blob, deployed_at = excluded.deployed_at,
         prompt_wei_per_million = excluded.prompt_wei_per_million,
         completion_wei_per_million = excluded.completion_wei_per_million,
         cached_prompt_wei_per_million = excluded.cached_prompt_wei_per_million
       WHERE model.deployed_at <= excluded.deployed_at`,
      [
        event.modelId,
        event.name,
        event.developerOrganisationId,
        event.baseDigest,
        event.baseName,
        event.adapterDigest,
        event.adapterConfigBlob,
        event.adapterWeightsBlob,
        deployedAt,
        ...columnsOf(price),
      ],
    );
  }

  /** For when settlement is away. */
  async keepPrice(modelId: string, price: Price): Promise<void> {
    await this.database.query(
      `UPDATE model SET prompt_wei_per_million = $2, completion_wei_per_million = $3,
         cached_prompt_wei_per_million = $4
       WHERE model_id = $1`,
      [modelId, ...columnsOf(price)],
    );
  }

  async find({ name, digestPrefix }: ModelReference): Promise<ServableModel | undefined> {
    const [row] = await this.database.query<ModelRow>(
      `SELECT m.* ${OWNED} WHERE m.name = $1 AND starts_with(m.adapter_digest, $2)
       ORDER BY m.deployed_at DESC, m.model_id DESC LIMIT 1`,
      [name, digestPrefix],
    );
    return row && toModel(row);
  }

  async list(limit: number, after?: string): Promise<ServableModel[]> {
    const rows = await this.database.query<ModelRow>(
      `SELECT DISTINCT ON (m.name) m.* ${OWNED} WHERE $2::text IS NULL OR m.name > $2
       ORDER BY m.name, m.deployed_at DESC, m.model_id DESC LIMIT $1`,
      [limit, after ?? null],
    );
    return rows.map(toModel);
  }
}

const columnsOf = (price: Price): readonly (string | null)[] => [
  price.promptWeiPerMillion.toString(),
  price.completionWeiPerMillion.toString(),
  price.cachedPromptWeiPerMillion?.toString() ?? null,
];

const toModel = (row: ModelRow): ServableModel => ({
  modelId: row.model_id,
  name: row.name,
  baseName: row.base_name,
  baseDigest: row.base_digest,
  adapter: { digest: row.adapter_digest, configBlob: row.config_blob, weightsBlob: row.weights_blob },
  ownedBy: row.developer_organisation_id,
  deployedAt: row.deployed_at,
  ...(row.prompt_wei_per_million === null || row.completion_wei_per_million === null
    ? {}
    : {
        price: {
          promptWeiPerMillion: BigInt(row.prompt_wei_per_million),
          ...(row.cached_prompt_wei_per_million === null
            ? {}
            : { cachedPromptWeiPerMillion: BigInt(row.cached_prompt_wei_per_million) }),
          completionWeiPerMillion: BigInt(row.completion_wei_per_million),
        },
      }),
});
