import { newId } from '@openledger/kernel';
import { eventually } from '@openledger/testing';
import { type Gateway, PaidPlatform } from './paid-platform.js';

const NOTICE_MS = 3_000;
const FIRST = {
  promptWeiPerMillion: '3000000',
  cachedPromptWeiPerMillion: '700001',
  completionWeiPerMillion: '5000001',
};
const RAISED = {
  promptWeiPerMillion: '4000000',
  cachedPromptWeiPerMillion: '900001',
  completionWeiPerMillion: '9000003',
};
const DEPOSIT_WEI = 1_000_000n;

interface Told {
  readonly id: string;
  readonly told: string;
  readonly charged: string;
  readonly priced: string;
  readonly completion: string;
  readonly cached: number;
}

describe('what gateways tell and settlement charges', () => {
  let platform: PaidPlatform;
  let gateways: readonly [Gateway, Gateway];
  let organisationId: string;

  beforeAll(async () => {
    platform = await PaidPlatform.start({ SETTLEMENT_PRICE_NOTICE_MS: String(NOTICE_MS) });
    gateways = [await platform.startGateway(), await platform.startGateway()];
    organisationId = await platform.organisation(DEPOSIT_WEI);
  }, 60_000);
  afterAll(() => platform.stop());

  /** Every answer as the gateway told it, beside what settlement made of it. */
  const answers = async (count: number): Promise<Told[]> => {
    const told = await platform.schemas.gateway.query<{
      id: string;
      fee: string;
      cached: number;
      wei: string;
    }>(
      `SELECT request_id::text AS id, fee, cached_tokens AS cached, completion_wei_per_million AS wei
       FROM served_request WHERE organisation_id = $1 ORDER BY served_at`,
      [organisationId],
    );
    expect(told.length).toBeGreaterThanOrEqual(count);
    const charged = await platform.schemas.settlement.query<{ id: string; fee: string; priced: string }>(
      'SELECT id, fee, priced FROM request WHERE organisation_id = $1 AND fee IS NOT NULL',
      [organisationId],
    );
    const byId = new Map(charged.map((row) => [row.id, row]));
    return told.map(({ id, fee, cached, wei }) => ({
      id,
      told: fee,
      charged: byId.get(id)?.fee ?? '',
      priced: byId.get(id)?.priced ?? '',
      completion: wei,
      cached,
    }));
  };

  it('agrees to the wei while a price changes, cached tokens included', async () => {
    const developerOrganisationId = newId();
    const baseDigest = await platform.baseDigest();
    const fields = { name: 'dear', developerOrganisationId, baseDigest, price: FIRST };
    const { modelId } = await platform.deploy(fields);
    platform.worker.length = () => 1 + Math.floor(Math.random() * 9);
    platform.worker.cached = () => Math.floor(Math.random() * 5);
    const ask = (at: number) => gateways[at % 2 === 0 ? 0 : 1].ask(organisationId, 10, 'dear');
    await eventually(() => ask(0));
    await eventually(() => ask(1));
    await eventually(async () => {
      const { status } = await platform.settlement('GET', `prices/${modelId}`, organisationId);
      expect(status).toBe(200);
    });
    const { status } = await platform.settlement(
      'POST',
      `prices/${modelId}`,
      developerOrganisationId,
      RAISED,
    );
    expect(status).toBe(201);

    let asked = 0;
    await eventually(async () => {
      await Promise.all(Array.from({ length: 4 }, () => ask(asked++)));
      const seen = await answers(1);
      const last = seen.slice(-4).map(({ completion }) => completion);
      expect(new Set(last)).toEqual(new Set([RAISED.completionWeiPerMillion]));
    }, 20_000);

    await eventually(async () => {
      const seen = await answers(asked + 2);
      expect(seen.map(({ id, charged, priced }) => [id, charged, priced])).toEqual(
        seen.map(({ id, told }) => [id, told, told]),
      );
      expect(new Set(seen.map(({ completion }) => completion))).toEqual(
        new Set([FIRST.completionWeiPerMillion, RAISED.completionWeiPerMillion]),
      );
      expect(seen.some(({ cached }) => cached > 0)).toBe(true);
    }, 20_000);
    expect(await platform.schemas.settlement.query('SELECT * FROM fee_discrepancy')).toEqual([]);
    const [receipt] = await answers(1);
    const { body } = await platform.settlement('GET', `receipts/${receipt?.id}`, organisationId);
    expect(body).toMatchObject({ feeWei: receipt?.told, pricedWei: receipt?.told });
  }, 60_000);
});
