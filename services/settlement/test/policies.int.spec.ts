import { newId, PPB } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import { RecordUsage } from '../src/application/metering/record-usage.js';
import type { SettlementTx } from '../src/application/ports.js';
import { KeepPolicies } from '../src/application/split/keep-policies.js';
import { SimulatePolicy } from '../src/application/split/simulate-policy.js';
import { CHAIN_VAULT, payer } from '../src/domain/ledger/accounts.js';
import { single } from '../src/domain/ledger/transfer.js';
import { DEFAULT_ROLE_SPLIT } from '../src/domain/split/split-fee.js';
import { policyAt } from '../src/domain/split/split-policy.js';
import { migrations } from '../src/migrations/index.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';
import { PostgresCreditedAnswers } from '../src/outbound/split/postgres-credited-answers.js';

const DAY_MS = 86_400_000;

describe('split policies', () => {
  let database: Database;
  let store: PostgresSettlementStore;
  let policies: KeepPolicies;
  let nowMs: number;

  beforeEach(async () => {
    nowMs = Date.parse('2026-11-20T12:00:00Z');
    database = await Database.open({ url: await testDatabase(), schema: 'settlement', migrations });
    store = new PostgresSettlementStore(database);
    policies = new KeepPolicies(store, { now: () => new Date(nowMs) });
  });
  afterEach(() => database.close());

  const inTx = <T>(work: (tx: SettlementTx) => Promise<T>) => store.transaction(work);
  const generous = { ...DEFAULT_ROLE_SPLIT, platformBps: 500, contributorsBps: 5_500 };

  it('begin when configuration changes, and a restart with the same changes nothing', async () => {
    expect(await policies.configured(DEFAULT_ROLE_SPLIT)).toBe(true);
    expect(await policies.configured(DEFAULT_ROLE_SPLIT)).toBe(false);
    nowMs += DAY_MS;
    expect(await policies.configured(generous)).toBe(true);
    const all = await policies.all();
    expect(all.map(({ version }) => version)).toEqual([1, 2]);
    expect(policyAt(all, new Date(nowMs - 1)).roles).toEqual(DEFAULT_ROLE_SPLIT);
    expect(policyAt(all, new Date(nowMs)).roles).toEqual(generous);
  });

  it('come from the chain once each, and then configuration no longer counts', async () => {
    await policies.configured(DEFAULT_ROLE_SPLIT);
    const governed = { effectiveFrom: new Date(nowMs + DAY_MS), roles: generous, registryVersion: 7 };
    const saved = await Promise.all(
      Array.from({ length: 4 }, () => inTx((tx) => tx.policies.save(governed))),
    );
    expect(saved.filter(Boolean)).toHaveLength(1);
    expect(await policies.configured({ ...DEFAULT_ROLE_SPLIT, nodeBps: 0 })).toBe(false);
    expect(await policies.all()).toHaveLength(2);
  });

  it('of the chain follow configuration even where they were deployed before it', async () => {
    await policies.configured(DEFAULT_ROLE_SPLIT);
    await inTx((tx) =>
      tx.policies.save({ effectiveFrom: new Date(nowMs - DAY_MS), roles: generous, registryVersion: 1 }),
    );
    expect(policyAt(await policies.all(), new Date(nowMs)).roles).toEqual(generous);
  });

  it('are never changed', async () => {
    await policies.configured(DEFAULT_ROLE_SPLIT);
    await expect(database.query('UPDATE split_policy SET platform_bps = 0')).rejects.toThrow(/immutable/);
    await expect(database.query('DELETE FROM split_policy')).rejects.toThrow(/immutable/);
  });

  it('refuse shares that are not whole, and a worker’s key that is none', async () => {
    await expect(async () =>
      policies.configured({ ...DEFAULT_ROLE_SPLIT, stakersBps: 1 }),
    ).rejects.toMatchObject({
      code: 'SPLIT_NOT_WHOLE',
    });
    await expect(policies.nodeOf('abc', newId())).rejects.toMatchObject({ code: 'NODE_KEY_INVALID' });
    const key = 'AB'.repeat(32);
    await policies.nodeOf(key, 'gpu-org');
    const operators = await inTx((tx) => tx.policies.nodeOperators([key.toLowerCase(), 'f'.repeat(64)]));
    expect([...operators]).toEqual([[key.toLowerCase(), 'gpu-org']]);
  });

  it('follow a model to the versions that it descends from: its own, then those of its parent at that time', async () => {
    const version = (modelId: string, digest: string, day: number, parentModelId?: string) =>
      inTx(async (tx) => {
        await tx.policies.saveVersion({
          modelId,
          adapterDigest: digest,
          developerOrganisationId: `dev-of-${modelId}`,
          ...(parentModelId === undefined ? {} : { parentModelId }),
          deployedAt: new Date(nowMs + day * DAY_MS),
        });
        const version = { modelId, adapterDigest: digest };
        await tx.policies.saveBaseShares([{ ...version, shares: new Map([[`writer-of-${digest}`, PPB]]) }]);
        await tx.policies.saveBaseShares([{ ...version, shares: new Map([['late', PPB]]) }]);
      });
    await version('root', 'r1', 1);
    await version('root', 'r2', 2);
    await version('fork', 'f1', 3, 'root');
    await version('root', 'r3', 4);
    await version('fork', 'f2', 5, 'root');
    const lineOf = (modelId: string, adapterDigest: string) => ({ modelId, adapterDigest });
    const [ancestors = [], ...others] = await inTx((tx) =>
      tx.policies.ancestors([lineOf('fork', 'f2'), lineOf('root', 'r1'), lineOf('unknown', 'x')]),
    );
    expect(ancestors.map(({ developerId, baseShares }) => [developerId, ...baseShares.keys()])).toEqual([
      ['dev-of-fork', 'writer-of-f1'],
      ['dev-of-root', 'writer-of-r2'],
      ['dev-of-root', 'writer-of-r1'],
    ]);
    expect(others).toEqual([[], []]);
  });

  it('pay a fork’s royalty to those behind its parent, and the node, and show what other shares would have paid', async () => {
    await policies.configured(DEFAULT_ROLE_SPLIT);
    const usage = new RecordUsage(store, { roles: DEFAULT_ROLE_SPLIT, baseModelOwners: new Map() });
    const payerId = newId();
    await inTx((tx) =>
      tx.ledger.post([
        single({
          debit: CHAIN_VAULT,
          credit: payer(payerId),
          amountWei: 1_000_000n,
          reason: 'deposit',
          reference: 'd',
        }),
      ]),
    );
    const nodeKey = 'cd'.repeat(32);
    await policies.nodeOf(nodeKey, 'gpu-org');
    const price = { promptWeiPerMillion: 0n, completionWeiPerMillion: 1_000_000n };
    const deploy = (id: string, day: number, parentModelId?: string) =>
      usage.modelDeployed(
        newId(),
        {
          id,
          name: id,
          developerOrganisationId: `dev-of-${id}`,
          baseDigest: 'base',
          price,
          version: { adapterDigest: `${id}-1`, ...(parentModelId === undefined ? {} : { parentModelId }) },
          deployedAt: new Date(nowMs + day * DAY_MS),
        },
        new Date(nowMs),
      );
    const answer = async (modelId: string, contributorId: string) => {
      const id = newId();
      const servedAt = new Date(nowMs + 5 * DAY_MS);
      const facts = { organisationId: payerId, modelId, holdId: '', adapterDigest: `${modelId}-1`, nodeKey };
      const tokens = { promptTokens: 1, completionTokens: 10_000 };
      await usage.served(newId(), { id, ...facts, usage: tokens, servedAt }, servedAt);
      const attribution = {
        contributors: [{ contributorId, influencePpb: PPB, contextPpb: 0n, basePpb: PPB }],
        baseModelPpb: 0n,
        reservePpb: 0n,
        reliabilityPpb: PPB,
      };
      await usage.scored(newId(), id, { attribution, partyOf: new Map() }, servedAt);
      return new Map(
        (await inTx((tx) => tx.answers.lock([id])))
          .get(id)
          ?.credit?.parts.map(({ role, payeeId, amountWei }) => [`${role} ${payeeId}`, amountWei]),
      );
    };
    await deploy('root', 1);
    await answer('root', 'alice');
    await deploy('fork', 2, 'root');
    const parts = await answer('fork', 'bob');
    // Of 10,000: 1,000 to the node, a third of it the platform's; then 5 % of the developer's 1,333 and of the pool.
    expect(parts.get('node gpu-org')).toBe(1_000n);
    expect(parts.get('developer dev-of-fork')).toBe(1_333n - 66n);
    expect(parts.get('royalty dev-of-root')).toBe(66n);
    expect(parts.get('royalty alice')).toBe(250n);
    expect(parts.get('contributor bob')).toBe(4_750n);

    const simulate = new SimulatePolicy(store, new PostgresCreditedAnswers(database));
    const { answers, feeWei, byRole, byPayee } = await simulate.run(
      { ...DEFAULT_ROLE_SPLIT, nodeBps: 0 },
      10,
    );
    expect([answers, feeWei]).toEqual([2, 20_000n]);
    expect(byRole.find(({ role }) => role === 'node')).toEqual({
      role: 'node',
      paidWei: 2_000n,
      proposedWei: 0n,
    });
    expect(byPayee[0]).toEqual({ payeeId: 'gpu-org', paidWei: 2_000n, proposedWei: 0n });
    const sum = (of: 'paidWei' | 'proposedWei') => byRole.reduce((total, line) => total + line[of], 0n);
    expect([sum('paidWei'), sum('proposedWei')]).toEqual([20_000n, 20_000n]);
  });

  it('cannot be tried out before anything was credited', async () => {
    const simulate = new SimulatePolicy(store, new PostgresCreditedAnswers(database));
    await expect(simulate.run(DEFAULT_ROLE_SPLIT, 10)).rejects.toMatchObject({ code: 'NOTHING_TO_SIMULATE' });
  });
});
