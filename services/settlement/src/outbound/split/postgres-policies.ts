import type { Transaction } from '@openledger/persistence';
import type {
  ModelVersion,
  NewPolicy,
  Policies,
  VersionName,
  VersionShares,
} from '../../application/split/policy-ports.js';
import { type Ancestor, GENERATIONS_MAX } from '../../domain/split/royalties.js';
import type { RoleSplit } from '../../domain/split/split-fee.js';
import type { SplitPolicy } from '../../domain/split/split-policy.js';

interface PolicyRow {
  readonly version: number;
  readonly effective_from: Date;
  readonly platform_bps: number;
  readonly developer_bps: number;
  readonly stakers_bps: number;
  readonly contributors_bps: number;
  readonly node_bps: number;
  readonly royalty_bps: number;
}

interface AncestorRow {
  /** Of the versions asked for, from 1. */
  readonly nth: number;
  readonly developer_organisation_id: string;
  readonly base_shares: Record<string, number> | null;
}

/** Serialises writers: a version follows from the newest one. */
const LOCK = "SELECT pg_advisory_xact_lock(hashtext('settlement.policy'))";

/** Every step goes to the version before in the same model, or else to the parent's that was deployed when it was forked. */
const ANCESTORS = `
  WITH RECURSIVE line AS (
    SELECT own.*, given.nth, 0 AS generation
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS given (model_id, adapter_digest, nth)
      JOIN model_version own USING (model_id, adapter_digest)
    UNION ALL
    SELECT before.*, line.nth, line.generation + 1
    FROM line CROSS JOIN LATERAL (
      SELECT * FROM model_version
      WHERE (model_id = line.model_id OR model_id = line.parent_model_id) AND deployed_at < line.deployed_at
      ORDER BY model_id = line.model_id DESC, deployed_at DESC, adapter_digest LIMIT 1
    ) AS before
    WHERE line.generation < $3
  )
  SELECT nth::int, developer_organisation_id, base_shares FROM line WHERE generation > 0 ORDER BY nth, generation`;

/** Split policies, node keys and the lines of models. */
export class PostgresPolicies implements Policies {
  constructor(private readonly tx: Transaction) {}

  async all(): Promise<SplitPolicy[]> {
    const rows = await this.tx.query<PolicyRow>('SELECT * FROM split_policy ORDER BY version');
    return rows.map(toPolicy);
  }

  async save({ effectiveFrom, roles, registryVersion }: NewPolicy): Promise<boolean> {
    await this.tx.query(LOCK);
    const newest = (await this.all()).at(-1);
    if (registryVersion === undefined && newest) {
      const [governed] = await this.tx.query('SELECT 1 FROM split_policy WHERE registry_version IS NOT NULL');
      if (governed || sameRoles(newest.roles, roles)) return false;
    }
    const inserted = await this.tx.query(
      `INSERT INTO split_policy (version, effective_from, platform_bps, developer_bps, stakers_bps, contributors_bps,
         node_bps, royalty_bps, registry_version)
       VALUES ($1, greatest($2::timestamptz, (SELECT max(effective_from) FROM split_policy WHERE registry_version IS NULL)),
         $3, $4, $5, $6, $7, $8, $9)
       ON CONFLICT (registry_version) DO NOTHING RETURNING 1`,
      [
        (newest?.version ?? 0) + 1,
        effectiveFrom,
        roles.platformBps,
        roles.developerBps,
        roles.stakersBps,
        roles.contributorsBps,
        roles.nodeBps,
        roles.royaltyBps,
        registryVersion ?? null,
      ],
    );
    return inserted.length > 0;
  }

  async saveVersion(version: ModelVersion): Promise<void> {
    await this.tx.query(
      `INSERT INTO model_version (model_id, adapter_digest, developer_organisation_id, parent_model_id, deployed_at)
       VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
      [
        version.modelId,
        version.adapterDigest,
        version.developerOrganisationId,
        version.parentModelId ?? null,
        version.deployedAt,
      ],
    );
  }

  async saveBaseShares(versions: readonly VersionShares[]): Promise<void> {
    if (versions.length === 0) return;
    await this.tx.query(
      `UPDATE model_version known SET base_shares = given.shares::jsonb
       FROM unnest($1::text[], $2::text[], $3::text[]) AS given (model_id, adapter_digest, shares)
       WHERE known.model_id = given.model_id AND known.adapter_digest = given.adapter_digest
         AND known.base_shares IS NULL`,
      [
        versions.map(({ modelId }) => modelId),
        versions.map(({ adapterDigest }) => adapterDigest),
        // Shares are at most 1e9, so JSON numbers hold them exactly.
        versions.map(({ shares }) =>
          JSON.stringify(Object.fromEntries([...shares].map(([id, ppb]) => [id, Number(ppb)]))),
        ),
      ],
    );
  }

  async ancestors(versions: readonly VersionName[]): Promise<Ancestor[][]> {
    const lines: Ancestor[][] = versions.map(() => []);
    if (versions.length === 0) return lines;
    const rows = await this.tx.query<AncestorRow>(ANCESTORS, [
      versions.map(({ modelId }) => modelId),
      versions.map(({ adapterDigest }) => adapterDigest),
      GENERATIONS_MAX,
    ]);
    for (const row of rows) {
      lines[row.nth - 1]?.push({
        developerId: row.developer_organisation_id,
        baseShares: new Map(Object.entries(row.base_shares ?? {}).map(([id, ppb]) => [id, BigInt(ppb)])),
      });
    }
    return lines;
  }

  async saveNodeKey(publicKey: string, organisationId: string): Promise<void> {
    await this.tx.query(
      `INSERT INTO node_key (public_key, organisation_id) VALUES ($1, $2)
       ON CONFLICT (public_key) DO UPDATE SET organisation_id = excluded.organisation_id`,
      [publicKey, organisationId],
    );
  }

  async nodeOperators(publicKeys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const rows = await this.tx.query<{ public_key: string; organisation_id: string }>(
      'SELECT * FROM node_key WHERE public_key = ANY($1::text[])',
      [[...publicKeys]],
    );
    return new Map(rows.map((row) => [row.public_key, row.organisation_id]));
  }
}

const sameRoles = (a: RoleSplit, b: RoleSplit): boolean =>
  a.platformBps === b.platformBps &&
  a.developerBps === b.developerBps &&
  a.stakersBps === b.stakersBps &&
  a.contributorsBps === b.contributorsBps &&
  a.nodeBps === b.nodeBps &&
  a.royaltyBps === b.royaltyBps;

const toPolicy = (row: PolicyRow): SplitPolicy => ({
  version: row.version,
  effectiveFrom: row.effective_from,
  roles: {
    platformBps: row.platform_bps,
    developerBps: row.developer_bps,
    stakersBps: row.stakers_bps,
    contributorsBps: row.contributors_bps,
    nodeBps: row.node_bps,
    royaltyBps: row.royalty_bps,
  },
});
