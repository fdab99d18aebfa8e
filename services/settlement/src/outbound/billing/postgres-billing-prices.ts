import type { Price } from '@openledger/kernel';
import type { Transaction } from '@openledger/persistence';
import type { NewPriceVersion, PriceLedger } from '../../application/billing/billing-ports.js';
import type { PricedModel } from '../../application/metering/metering-ports.js';
import type { PriceVersion } from '../../domain/billing/price.js';

export interface PriceColumns {
  readonly prompt_wei_per_million: string;
  readonly cached_prompt_wei_per_million: string | null;
  readonly completion_wei_per_million: string;
}

export interface PriceVersionRow extends PriceColumns {
  readonly model_id: string;
  readonly number: number;
  readonly effective_at: Date;
  readonly announced_at: Date;
}

export class PostgresPrices implements PriceLedger {
  constructor(private readonly tx: Transaction) {}

  async versions(modelIds: readonly string[]): Promise<ReadonlyMap<string, PriceVersion[]>> {
    const rows = await this.tx.query<PriceVersionRow>(
      'SELECT * FROM price_version WHERE model_id = ANY($1::text[])',
      [[...new Set(modelIds)]],
    );
    return Map.groupBy(rows.map(toPriceVersion), ({ modelId }) => modelId);
  }

  async deployed(model: PricedModel): Promise<void> {
    const [known] = await this.tx.query(
      `SELECT 1 FROM price_version WHERE model_id = $1 AND effective_at = $2
         AND (prompt_wei_per_million, completion_wei_per_million) = ($3::numeric, $4::numeric)
         AND cached_prompt_wei_per_million IS NOT DISTINCT FROM $5::numeric`,
      [model.id, model.deployedAt, ...columnsOf(model.price)],
    );
    if (known) return;
    const { id, price, deployedAt } = model;
    const times = { effectiveAt: deployedAt, announcedAt: deployedAt };
    await this.add({ modelId: id, price, ...times, announcedBy: '' });
  }

  async add(version: NewPriceVersion): Promise<PriceVersion> {
    const { modelId, price, effectiveAt, announcedAt } = version;
    const [row] = await this.tx.query<{ number: number }>(
      `INSERT INTO price_version (model_id, number, effective_at, prompt_wei_per_million,
         completion_wei_per_million, cached_prompt_wei_per_million, announced_at, announced_by)
       SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6, $7 FROM price_version WHERE model_id = $1
       RETURNING number`,
      [modelId, effectiveAt, ...columnsOf(price), announcedAt, version.announcedBy],
    );
    return { modelId, number: row?.number ?? 1, price, effectiveAt, announcedAt };
  }
}

const columnsOf = (price: Price): readonly (string | null)[] => [
  price.promptWeiPerMillion.toString(),
  price.completionWeiPerMillion.toString(),
  price.cachedPromptWeiPerMillion?.toString() ?? null,
];

export const toPriceVersion = (row: PriceVersionRow): PriceVersion => ({
  modelId: row.model_id,
  number: row.number,
  price: priceOf(row),
  effectiveAt: row.effective_at,
  announcedAt: row.announced_at,
});

export const priceOf = (row: PriceColumns): Price => ({
  promptWeiPerMillion: BigInt(row.prompt_wei_per_million),
  ...(row.cached_prompt_wei_per_million === null
    ? {}
    : { cachedPromptWeiPerMillion: BigInt(row.cached_prompt_wei_per_million) }),
  completionWeiPerMillion: BigInt(row.completion_wei_per_million),
});
