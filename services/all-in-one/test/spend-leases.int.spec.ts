import { eventually } from '@openledger/testing';
import { type Gateway, PaidPlatform, TOKEN_WEI } from './paid-platform.js';

/** The most that a request can cost here: 50 tokens. */
const MOST_WEI = 50n * TOKEN_WEI;
/** What a scripted answer of 4 tokens costs. */
const FEE_WEI = 4n * TOKEN_WEI;
const KILLS = 3;

describe('leases between gateways and settlement', () => {
  let platform: PaidPlatform;

  beforeAll(async () => {
    platform = await PaidPlatform.start();
  }, 60_000);
  afterAll(() => platform.stop());

  /** Every answer is charged once, everything else is free again, and nobody ever owed anything. */
  const expectCharged = (organisationId: string, depositWei: bigint, answers: number) =>
    eventually(async () => {
      const spentWei = FEE_WEI * BigInt(answers);
      expect(await platform.balance(organisationId)).toEqual({
        availableWei: depositWei - spentWei,
        heldWei: 0n,
      });
      const fees = await platform.fees(organisationId);
      expect(fees).toEqual(Array.from({ length: answers }, () => FEE_WEI));
    }, 25_000);
  const countIn = async (schema: 'settlement' | 'gateway', sql: string, params: unknown[] = []) => {
    const [row] = await platform.schemas[schema].query<{ count: number }>(
      `SELECT count(*)::int AS count FROM ${sql}`,
      params,
    );
    return row?.count ?? 0;
  };
  const leasesOf = (organisationId: string) =>
    countIn('settlement', 'lease WHERE organisation_id = $1', [organisationId]);
  const receiptsOf = (organisationId: string) =>
    countIn('gateway', 'served_request WHERE organisation_id = $1', [organisationId]);

  describe('with two gateways', () => {
    let gateways: readonly [Gateway, Gateway];
    beforeAll(async () => {
      gateways = [await platform.startGateway(), await platform.startGateway()];
      const known = await platform.organisation(10n * MOST_WEI);
      await eventually(() => gateways[0].ask(known));
    });
    afterAll(() => Promise.all(gateways.map((gateway) => gateway.stop())));

    it('pays many requests of both by few leases, to the wei', async () => {
      const depositWei = 10_000n * MOST_WEI;
      const organisationId = await platform.organisation(depositWei);
      const asked = Array.from({ length: 60 }, (_, at) => gateways[at % 2 === 0 ? 0 : 1].ask(organisationId));
      expect(new Set(await Promise.all(asked))).toEqual(new Set(['aaaa']));
      expect(await leasesOf(organisationId)).toBeLessThan(15);
      await expectCharged(organisationId, depositWei, 60);
      expect(await countIn('settlement', 'hold')).toBe(0);
      expect(await countIn('settlement', 'fee_discrepancy')).toBe(0);
    });

    it('refuses nobody for money that another request has set aside', async () => {
      const depositWei = 6n * MOST_WEI;
      const organisationId = await platform.organisation(depositWei);
      const asked = Array.from({ length: 30 }, (_, at) => gateways[at % 2 === 0 ? 0 : 1].ask(organisationId));
      await Promise.all(asked);
      await expectCharged(organisationId, depositWei, 30);
    }, 60_000);

    it('spends a balance down to what a request may cost, and no further', async () => {
      const depositWei = MOST_WEI + 2n * FEE_WEI;
      const organisationId = await platform.organisation(depositWei);
      for (let answer = 0; answer < 3; answer += 1)
        await gateways[answer % 2 === 0 ? 0 : 1].ask(organisationId);
      const refused = expect.objectContaining({ status: 402, code: 'insufficient_quota' });
      await expect(gateways[0].ask(organisationId)).rejects.toEqual(refused);
      // What is left pays for shorter ones.
      await gateways[1].ask(organisationId, 40);
      await expectCharged(organisationId, depositWei, 4);
    }, 60_000);

    it('charges nothing twice when every receipt is published again', async () => {
      const depositWei = 100n * MOST_WEI;
      const organisationId = await platform.organisation(depositWei);
      await Promise.all([1, 2, 3].map(() => gateways[0].ask(organisationId)));
      await expectCharged(organisationId, depositWei, 3);
      await platform.schemas.gateway.query('UPDATE outbox SET published_at = NULL');
      await eventually(async () =>
        expect(await countIn('gateway', 'outbox WHERE published_at IS NULL')).toBe(0),
      );
      await gateways[0].ask(organisationId);
      await expectCharged(organisationId, depositWei, 4);
    });
  });

  it('charges every answer of a gateway that was killed with its receipts unpublished', async () => {
    const depositWei = 1_000n * MOST_WEI;
    const organisationId = await platform.organisation(depositWei);
    const publish = await platform.holdOutbox();
    const victim = await platform.startVictim();
    await eventually(() => victim.ask(organisationId));
    await Promise.all(Array.from({ length: 9 }, () => victim.ask(organisationId)));
    platform.worker.hangs = () => true;
    const unanswered = victim.ask(organisationId).catch((error: unknown) => error);
    await eventually(async () => expect(await leasesOf(organisationId)).toBeGreaterThan(0));
    await victim.stop();
    expect(await unanswered).toBeInstanceOf(Error);
    platform.worker.hangs = () => false;

    // The one that takes over counts the receipts and returns the leases, while none of them has arrived.
    const heir = await platform.startGateway();
    await eventually(async () => expect(await countIn('gateway', 'spend_lease')).toBe(0), 15_000);
    expect(
      await countIn('settlement', `lease WHERE organisation_id = $1 AND state = 'open'`, [organisationId]),
    ).toBeGreaterThan(0);
    expect(await platform.fees(organisationId)).toEqual([]);
    const waiting = await platform.balance(organisationId);
    expect(waiting.heldWei >= 10n * FEE_WEI).toBe(true);
    expect(waiting.availableWei + waiting.heldWei).toBe(depositWei);

    await publish();
    await expectCharged(organisationId, depositWei, 10);
    await heir.ask(organisationId);
    await expectCharged(organisationId, depositWei, 11);
    await heir.stop();
  }, 90_000);

  it('loses nothing and charges nothing twice, whenever a gateway is killed', async () => {
    const depositWei = 1_000n * MOST_WEI;
    const organisationId = await platform.organisation(depositWei);
    let answered = 0;
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const victim = await platform.startVictim();
      let alive = true;
      const askers = Array.from({ length: 6 }, async () => {
        while (alive) {
          const answer = await victim.ask(organisationId).catch(() => undefined);
          if (answer !== undefined) answered += 1;
        }
      });
      const enough = answered + 7 * kill;
      await eventually(() => expect(answered).toBeGreaterThan(enough));
      await victim.stop();
      alive = false;
      await Promise.all(askers);
    }
    const heir = await platform.startGateway();
    const receipts = await receiptsOf(organisationId);
    // An answer may be recorded whose end no caller lived to see, and never the other way round.
    expect(receipts).toBeGreaterThanOrEqual(answered);
    await expectCharged(organisationId, depositWei, receipts);
    await heir.stop();
  }, 120_000);
});
