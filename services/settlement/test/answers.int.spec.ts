import { newId } from '@openledger/kernel';
import type { Database, Transaction } from '@openledger/persistence';
import fc from 'fast-check';
import type { ServedRequest } from '../src/application/metering/metering-ports.js';
import { EndLease } from '../src/application/prepaid/end-lease.js';
import { HoldBalance } from '../src/application/prepaid/hold-balance.js';
import { LeaseBalance } from '../src/application/prepaid/lease-balance.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';
import {
  Books,
  later,
  modelOf,
  NOW,
  scoredBy,
  scoredEvent,
  servedEvent,
  servedOf,
} from './answers-fixture.js';

const RUNS = 25;
const MODELS = ['model', 'other model', 'late model'];
const CONTRIBUTORS = ['alice', 'bob', 'carl', 'dora'];

describe('answers in batches', () => {
  let books: Books;
  beforeEach(async () => {
    books = await Books.open();
    await books.usage.modelDeployed(newId(), modelOf('model'), NOW);
  });
  afterEach(() => books.close());

  /** Some answers of one organisation, ready to be settled. */
  async function fixture(count: number, balanceWei = 100_000n) {
    const organisationId = newId();
    await books.deposit(organisationId, balanceWei);
    const answers = Array.from({ length: count }, (_, i) =>
      servedOf({ organisationId, usage: { promptTokens: i, completionTokens: 11 } }),
    );
    return {
      organisationId,
      answers,
      served: answers.map((one) => servedEvent(one)),
      scored: answers.map(({ id }, i) => scoredEvent(id, scoredBy(...CONTRIBUTORS.slice(i % 3)))),
    };
  }
  const transfersOf = (reason: string) =>
    books.database.query<{ credit: string; amount: string; reference: string }>(
      'SELECT credit, amount, reference FROM journal WHERE reason = $1 ORDER BY credit',
      [reason],
    );

  it('move one transfer for each account that pays or is paid, and leave clearing empty', async () => {
    const { organisationId, served, scored } = await fixture(40);
    expect(await books.usage.servedAll(served, NOW)).toBe(40);
    await books.expectSound();
    expect(await transfersOf('fee')).toHaveLength(1);
    expect(await books.usage.scoredAll(scored, NOW)).toBe(40);
    await books.expectSound();
    const splits = await transfersOf('split');
    expect(splits.map(({ credit }) => credit)).toEqual([
      'base-model:owner',
      ...CONTRIBUTORS.map((id) => `contributor:${id}`),
      'developer:developer of model',
      'platform',
      'reserve',
      'stakers',
    ]);
    expect(new Set(splits.map(({ reference }) => reference)).size).toBe(1);
    expect(await books.usageByMonth()).toMatchObject([
      { organisation_id: organisationId, requests: '40', prompt_tokens: '780', completion_tokens: '440' },
    ]);
  });

  it('change nothing when they come again, in other batches too', async () => {
    const { served, scored } = await fixture(12);
    await books.usage.servedAll(served, NOW);
    await books.usage.scoredAll(scored, NOW);
    const before = [await books.accounts(), await books.answers(), await books.usageByMonth()];
    const again = [...served.slice(5), ...served.slice(0, 5).map(({ served: one }) => servedEvent(one))];
    expect(await books.usage.servedAll(again, later(1))).toBe(5);
    expect(await books.usage.scoredAll([...scored, ...scored], later(1))).toBe(0);
    expect([await books.accounts(), await books.answers(), await books.usageByMonth()]).toEqual(before);
    expect(await books.refusals()).toEqual([]);
  });

  it('refuse an event that says something else, and charge everybody else', async () => {
    const { served, scored, answers } = await fixture(6);
    const [first, second, third] = served;
    const [one, two, three] = answers;
    if (!first || !second || !third || !one || !two || !three) throw new Error('the fixture is too small');
    await books.usage.servedAll([first], NOW);
    const dear = { ...one, usage: { promptTokens: 9, completionTokens: 9_999 } };
    const otherRequest = servedOf({ organisationId: one.organisationId });
    const mine = newId();
    await books.usage.servedAll(
      [
        servedEvent(dear, first.eventId),
        servedEvent(otherRequest, first.eventId),
        servedEvent(dear, mine),
        ...served.slice(1),
        servedEvent({ ...two, organisationId: newId() }, second.eventId),
      ],
      NOW,
    );
    await books.usage.scoredAll([...scored, scoredEvent(three.id, scoredBy('thief'))], NOW);
    expect(await books.refusals()).toHaveLength(5);
    expect(await books.refusals()).toEqual(
      expect.arrayContaining([
        { event_id: first.eventId, request_id: one.id, code: 'EVENT_ID_REUSED' },
        { event_id: first.eventId, request_id: otherRequest.id, code: 'EVENT_ID_REUSED' },
        { event_id: mine, request_id: one.id, code: 'REQUEST_ID_REUSED' },
        { event_id: second.eventId, request_id: two.id, code: 'EVENT_ID_REUSED' },
        expect.objectContaining({ request_id: three.id, code: 'REQUEST_ID_REUSED' }),
      ]),
    );
    const rows = await books.answers();
    expect(rows.map(({ fee }) => fee).toSorted()).toEqual(['33', '34', '35', '36', '37', '38']);
    expect(rows.every(({ credited_at }) => credited_at !== null)).toBe(true);
    await books.expectSound();
  });

  it('with a score that is not whole change nothing, and go on without it', async () => {
    const { served, scored } = await fixture(4);
    await books.usage.servedAll(served, NOW);
    const [first, ...others] = scored;
    if (!first) throw new Error('the fixture is empty');
    const whole = first.scored.attribution;
    const broken = { ...first, scored: { ...first.scored, attribution: { ...whole, reservePpb: 0n } } };
    const before = await books.accounts();
    await expect(books.usage.scoredAll([broken, ...others], NOW)).rejects.toMatchObject({
      code: 'SHARES_NOT_WHOLE',
    });
    expect(await books.accounts()).toEqual(before);
    expect(await books.usage.scoredAll(others, NOW)).toBe(3);
    expect(await books.usage.scoredAll([first], NOW)).toBe(1);
    await books.expectSound();
  });

  it('lose nothing and repeat nothing, at whichever statement the connection breaks', async () => {
    const { served, scored } = await fixture(5);
    const whole = await Books.open();
    await whole.usage.modelDeployed(newId(), modelOf('model'), NOW);
    for (const { served: one } of served.slice(0, 1)) await whole.deposit(one.organisationId, 100_000n);
    await whole.usage.servedAll(served, NOW);
    await whole.usage.scoredAll(scored, NOW);

    let broken = 0;
    const until = async (work: (after: number) => Promise<unknown>) => {
      for (let after = 0; ; after += 1) {
        const before = [await books.accounts(), await books.answers(), await books.usageByMonth()];
        const done = await work(after).then(
          () => true,
          () => false,
        );
        if (done) return;
        broken += 1;
        expect([await books.accounts(), await books.answers(), await books.usageByMonth()]).toEqual(before);
      }
    };
    await until((after) => breaking(books.database, after).servedAll(served, NOW));
    await until((after) => breaking(books.database, after).scoredAll(scored, NOW));
    expect(broken).toBeGreaterThan(15);
    expect(await books.accounts()).toEqual(await whole.accounts());
    expect(await books.answers()).toEqual(await whole.answers());
    const events = await books.database.query("SELECT 1 FROM outbox WHERE topic = 'settlement.credited.v1'");
    expect(events).toHaveLength(5);
    await whole.close();
  }, 60_000);

  it('come to the same for consumers that take them side by side, and twice', async () => {
    const { served, scored } = await fixture(60);
    const alone = await Books.open();
    await alone.usage.modelDeployed(newId(), modelOf('model'), NOW);
    await alone.deposit(served[0]?.served.organisationId ?? '', 100_000n);
    for (const event of served) await alone.usage.servedAll([event], NOW);
    for (const event of scored) await alone.usage.scoredAll([event], NOW);

    const cuts = [13, 7, 29];
    const inBatches = <T>(events: readonly T[], size: number): T[][] =>
      Array.from({ length: Math.ceil(events.length / size) }, (_, i) =>
        events.slice(i * size, (i + 1) * size),
      );
    await Promise.all(
      cuts.flatMap((size) => [
        inBatches(served, size).reduce<Promise<unknown>>(
          (before, batch) => before.then(() => books.usage.servedAll(batch, NOW)),
          Promise.resolve(),
        ),
        inBatches(scored.toReversed(), size).reduce<Promise<unknown>>(
          (before, batch) => before.then(() => books.usage.scoredAll(batch, NOW)),
          Promise.resolve(),
        ),
      ]),
    );
    expect(await books.accounts()).toEqual(await alone.accounts());
    expect(await books.answers()).toEqual(await alone.answers());
    expect(await books.usageByMonth()).toEqual(await alone.usageByMonth());
    await books.expectSound();
    await alone.close();
  }, 60_000);

  it('are behind every wei of a payee: the parts sum to each transfer, and these to the account', async () => {
    const payees = [...CONTRIBUTORS, 'owner', 'developer of model'];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
        async (sizes) => {
          for (const size of sizes) {
            const { served, scored } = await fixture(size);
            await books.usage.servedAll(served, NOW);
            await books.usage.scoredAll(scored.slice(1), NOW);
            await books.usage.scoredAll(scored.slice(0, 1), later(1));
          }
          await books.usage.sumEarnings();
          for (const payee of payees) {
            const earned = await everyTransfer(payee);
            for (const transfer of earned) {
              const answers = await everyAnswer(payee, transfer.transferId);
              expect(answers.length).toBeGreaterThan(0);
              expect(sumOf(answers)).toBe(transfer.amountWei);
            }
            const [account] = await books.database.query<{ credits: string }>(
              `SELECT sum(credits_posted)::text AS credits FROM account WHERE split_part(id, ':', 2) = $1`,
              [payee],
            );
            expect(sumOf(earned)).toBe(BigInt(account?.credits ?? 0));
            expect(sumOf(await books.earnings.byModel(payee))).toBe(sumOf(earned));
          }
        },
      ),
      { numRuns: 6 },
    );
    expect(await books.earnings.byModel('alice')).toMatchObject([
      { modelId: 'model', modelName: 'name of model', datanetIds: ['datanet of model'], role: 'contributor' },
    ]);
    expect(await books.earnings.answers('bob', newId(), { after: '', limit: 1 })).toBeUndefined();
    expect(await books.earnings.recent('alice', 3)).toHaveLength(3);
  }, 60_000);

  const sumOf = (entries: readonly { readonly amountWei: bigint }[]) =>
    entries.reduce((sum, { amountWei }) => sum + amountWei, 0n);
  async function everyTransfer(payee: string) {
    const all = [];
    for (let before: bigint | undefined; ; ) {
      const page = await books.earnings.transfers(payee, before, 2);
      all.push(...page);
      before = page.at(-1)?.position;
      if (page.length < 2) return all;
    }
  }
  async function everyAnswer(payee: string, transferId: string) {
    const all = [];
    for (let after = ''; ; ) {
      const page = (await books.earnings.answers(payee, transferId, { after, limit: 3 })) ?? [];
      all.push(...page);
      after = page.at(-1)?.requestId ?? '';
      if (page.length < 3) return all;
    }
  }
});

/** Settles until `after` statements of a transaction have run, and then loses the connection. */
function breaking(database: Database, after: number) {
  const broken = (tx: Transaction): Transaction => {
    let ran = 0;
    const query: Transaction['query'] = async (sql, params) => {
      if (ran++ === after) await tx.query('SELECT pg_terminate_backend(pg_backend_pid())');
      return tx.query(sql, params);
    };
    return Object.assign(Object.create(tx) as Transaction, { query });
  };
  const onceAll: Database['onceAll'] = (group, ids, work) =>
    database.onceAll(group, ids, (tx, fresh) => work(broken(tx), fresh));
  return Books.usageOn(
    new PostgresSettlementStore(Object.assign(Object.create(database) as Database, { onceAll })),
  );
}

describe('answers one at a time and in batches', () => {
  let together: Books;
  let alone: Books;
  beforeAll(async () => {
    [together, alone] = [await Books.open(), await Books.open()];
  });
  afterAll(() => Promise.all([together.close(), alone.close()]));

  /** What is drawn of an answer: whose, of which model, how long, by whom, and what pays for it. */
  const answer = fc.record({
    organisation: fc.nat(1),
    model: fc.nat(2),
    tokens: fc.integer({ min: 0, max: 90 }),
    contributors: fc.subarray(CONTRIBUTORS),
    pays: fc.constantFrom('balance', 'lease', 'hold'),
    told: fc.boolean(),
  });
  const step = fc.record({
    of: fc.nat(30),
    what: fc.constantFrom('served', 'scored', 'served again', 'scored again', 'other', 'model'),
  });
  const scene = fc.record({
    answers: fc.array(answer, { minLength: 4, maxLength: 12 }),
    steps: fc.array(step, { minLength: 10, maxLength: 60 }),
    cuts: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
    receiptsTold: fc.integer({ min: 1, max: 6 }),
    balanceWei: fc.bigInt(200n, 2_000n),
  });
  type Drawn = typeof scene extends fc.Arbitrary<infer T> ? T : never;

  /** Organisations with money, leases and holds; the same in both books. */
  async function prepare(
    books: Books,
    requests: readonly (ServedRequest & { hold: boolean })[],
    drawn: Drawn,
  ) {
    const organisations = [...new Set(requests.map(({ organisationId }) => organisationId))];
    for (const id of organisations) await books.deposit(id, drawn.balanceWei);
    const leases = new LeaseBalance(books.store, { useForMs: 60_000, abandonAfterMs: 60_000 });
    const leased = new Map(requests.map(({ holdId, organisationId }) => [holdId, organisationId]));
    for (const [leaseId, organisationId] of leased) {
      if (leaseId === '') continue;
      await leases.run({ leaseId, organisationId, wantedWei: 100n, minimumWei: 50n }, NOW);
      await new EndLease(books.store).run(leaseId, drawn.receiptsTold, NOW);
    }
    const holds = new HoldBalance(books.store, 60_000);
    for (const { id: requestId, organisationId, modelId, hold } of requests) {
      if (!hold) continue;
      const most = { promptTokens: 7, completionTokensMax: 20 };
      await holds.run({ requestId, organisationId, modelId, ...most }, NOW).catch(() => undefined);
    }
  }

  it('come to the same to the wei, however they are interleaved, repeated and cut', async () => {
    await fc.assert(
      fc.asyncProperty(scene, async (drawn) => {
        const tag = newId();
        const models = MODELS.map((name) => `${name} ${tag}`);
        const organisations = [newId(), newId()];
        const leases = [newId(), newId()];
        const requests = drawn.answers.map((one) => ({
          ...servedOf({
            organisationId: organisations[one.organisation] ?? '',
            modelId: models[one.model] ?? '',
            usage: { promptTokens: 7, completionTokens: one.tokens },
            holdId: one.pays === 'lease' ? (leases[one.organisation] ?? '') : '',
            ...(one.told
              ? { told: { promptWeiPerMillion: '1', completionWeiPerMillion: '2', feeWei: '3' } }
              : {}),
          }),
          hold: one.pays === 'hold',
        }));
        for (const books of [together, alone]) {
          for (const id of models.slice(0, 2)) await books.usage.modelDeployed(newId(), modelOf(id), NOW);
          await prepare(books, requests, drawn);
        }
        const steps = stepsOf(drawn, requests, models[2] ?? '');
        for (const batch of batchesOf(steps, drawn.cuts)) await settle(together, batch);
        for (const one of steps) await settle(alone, [one]);

        expect(await together.accounts()).toEqual(await alone.accounts());
        expect(await together.answers()).toEqual(await alone.answers());
        expect(await together.usageByMonth()).toEqual(await alone.usageByMonth());
        expect(await together.refusals()).toEqual(await alone.refusals());
        await together.usage.sumEarnings();
        await alone.usage.sumEarnings();
        expect(await together.earningsByMonth()).toEqual(await alone.earningsByMonth());
        await together.expectSound();
      }),
      // Both books go on from run to run, so that a smaller example would start from something else.
      { numRuns: RUNS, endOnFailure: true },
    );
  }, 240_000);

  type Step =
    | { readonly kind: 'served'; readonly event: ReturnType<typeof servedEvent> }
    | { readonly kind: 'scored'; readonly event: ReturnType<typeof scoredEvent> }
    | { readonly kind: 'model'; readonly eventId: string; readonly modelId: string };

  function stepsOf(drawn: Drawn, requests: readonly ServedRequest[], lateModel: string): Step[] {
    const served = requests.map(({ id, ...facts }) => servedEvent({ id, ...facts }));
    const scored = requests.map(({ id }, i) =>
      scoredEvent(id, scoredBy(...(drawn.answers[i]?.contributors ?? []))),
    );
    const deployment: Step = { kind: 'model', eventId: newId(), modelId: lateModel };
    return drawn.steps.flatMap(({ of, what }): Step[] => {
      const one = served[of % served.length];
      const other = scored[of % scored.length];
      if (!one || !other) return [];
      if (what === 'model') return [deployment];
      if (what === 'served') return [{ kind: 'served', event: one }];
      if (what === 'scored') return [{ kind: 'scored', event: other }];
      if (what === 'served again') return [{ kind: 'served', event: servedEvent(one.served) }];
      if (what === 'scored again')
        return [{ kind: 'scored', event: scoredEvent(other.requestId, other.scored) }];
      const changed = { ...one.served, usage: { promptTokens: 8, completionTokens: 1_000 } };
      return [{ kind: 'served', event: servedEvent(changed, of % 2 === 0 ? one.eventId : newId()) }];
    });
  }

  /** Neighbours of one kind, at most as many as the next cut says. */
  function batchesOf(steps: readonly Step[], cuts: readonly number[]): Step[][] {
    const batches: Step[][] = [];
    for (const one of steps) {
      const last = batches.at(-1);
      const most = cuts[batches.length % cuts.length] ?? 1;
      if (last && last[0]?.kind === one.kind && one.kind !== 'model' && last.length < most) last.push(one);
      else batches.push([one]);
    }
    return batches;
  }

  async function settle({ usage }: Books, batch: readonly Step[]): Promise<void> {
    const [first] = batch;
    if (first?.kind === 'model') await usage.modelDeployed(first.eventId, modelOf(first.modelId), NOW);
    const served = batch.flatMap((one) => (one.kind === 'served' ? one.event : []));
    const scored = batch.flatMap((one) => (one.kind === 'scored' ? one.event : []));
    if (served.length > 0) await usage.servedAll(served, NOW);
    if (scored.length > 0) await usage.scoredAll(scored, NOW);
  }
});
