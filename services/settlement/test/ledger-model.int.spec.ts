import { newId } from '@openledger/kernel';
import { Database } from '@openledger/persistence';
import { testDatabase } from '@openledger/testing';
import fc from 'fast-check';
import type { SettlementTx } from '../src/application/ports.js';
import { CHAIN_VAULT, CLEARING, payer } from '../src/domain/accounts.js';
import { availableOf } from '../src/domain/standing.js';
import { single, type Transfer } from '../src/domain/transfer.js';
import { migrations } from '../src/migrations/index.js';
import { PostgresSettlementStore } from '../src/outbound/postgres-store.js';

const RUNS = 60;
const ORGANISATIONS = [0, 1, 2].map((n) => `0190f3a0-0000-7000-8000-00000000000${n}`);

/** The ledger as a few numbers: what it should be after any sequence of commands. */
interface Model {
  readonly available: bigint[];
  readonly open: { organisation: number; transfer: Transfer }[];
  clearing: bigint;
}

interface Real {
  readonly tx: SettlementTx;
}

class Rollback extends Error {}

const accountOf = (organisation: number) => payer(ORGANISATIONS[organisation] ?? '');
const fee = (organisation: number, amountWei: bigint) =>
  single({ debit: accountOf(organisation), credit: CLEARING, amountWei, reason: 'fee', reference: newId() });

class Deposit implements fc.AsyncCommand<Model, Real> {
  constructor(
    private readonly organisation: number,
    private readonly amountWei: bigint,
    private readonly repeats: number,
  ) {}
  check = () => true;
  async run(model: Model, { tx }: Real): Promise<void> {
    const credit = accountOf(this.organisation);
    const transfer = single({
      debit: CHAIN_VAULT,
      credit,
      amountWei: this.amountWei,
      reason: 'deposit',
      reference: newId(),
    });
    for (let i = 0; i < this.repeats; i += 1) await tx.ledger.post([transfer]);
    model.available[this.organisation] = (model.available[this.organisation] ?? 0n) + this.amountWei;
    await expectSame(model, tx);
  }
  toString = () => `deposit(${this.organisation}, ${this.amountWei}, x${this.repeats})`;
}

/** Spends or holds a part of what there is, so that most sequences do something. */
class Spend implements fc.AsyncCommand<Model, Real> {
  constructor(
    private readonly organisation: number,
    private readonly percent: bigint,
    private readonly held: boolean,
  ) {}
  check = (model: Readonly<Model>) => this.amountIn(model) > 0n;
  async run(model: Model, { tx }: Real): Promise<void> {
    const amountWei = this.amountIn(model);
    const transfer: Transfer = {
      ...fee(this.organisation, amountWei),
      kind: this.held ? 'pending' : 'single',
    };
    await tx.ledger.post([transfer]);
    model.available[this.organisation] = (model.available[this.organisation] ?? 0n) - amountWei;
    if (this.held) model.open.push({ organisation: this.organisation, transfer });
    else model.clearing += amountWei;
    await expectSame(model, tx);
  }
  toString = () => `${this.held ? 'hold' : 'spend'}(${this.organisation}, ${this.percent}%)`;

  private amountIn(model: Readonly<Model>): bigint {
    return ((model.available[this.organisation] ?? 0n) * this.percent) / 100n;
  }
}

class Resolve implements fc.AsyncCommand<Model, Real> {
  constructor(
    private readonly pick: number,
    private readonly percent: bigint,
  ) {}
  check = (model: Readonly<Model>) => model.open.length > 0;
  async run(model: Model, { tx }: Real): Promise<void> {
    const [chosen] = model.open.splice(this.pick % model.open.length, 1);
    if (!chosen) return;
    const { transfer, organisation } = chosen;
    const actual = (transfer.amountWei * this.percent) / 100n;
    const resolution = { ...transfer, id: newId(), pendingId: transfer.id };
    await tx.ledger.post([
      actual > 0n ? { ...resolution, kind: 'post', amountWei: actual } : { ...resolution, kind: 'void' },
    ]);
    model.available[organisation] = (model.available[organisation] ?? 0n) + transfer.amountWei - actual;
    model.clearing += actual;
    await expectSame(model, tx);
  }
  toString = () => `resolve(${this.pick}, ${this.percent}%)`;
}

async function expectSame(model: Model, tx: SettlementTx): Promise<void> {
  const clearing = await tx.ledger.lock(CLEARING);
  expect(clearing.creditsPostedWei).toBe(model.clearing);
  for (const [organisation, available] of model.available.entries()) {
    expect(availableOf(await tx.ledger.lock(accountOf(organisation)))).toBe(available);
  }
}

describe('the ledger against a model', () => {
  let database: Database;
  beforeAll(async () => {
    database = await Database.open({ url: await testDatabase(), schema: 'settlement', migrations });
  });
  afterAll(() => database.close());

  it('agrees after any sequence of deposits, spends, holds and resolutions', async () => {
    const store = new PostgresSettlementStore(database);
    const organisation = fc.nat(ORGANISATIONS.length - 1);
    const amount = fc.bigInt(1n, 2n ** 100n);
    const commands = fc.commands(
      [
        fc.tuple(organisation, amount, fc.integer({ min: 1, max: 3 })).map((drawn) => new Deposit(...drawn)),
        fc.tuple(organisation, fc.bigInt(1n, 100n), fc.boolean()).map((drawn) => new Spend(...drawn)),
        fc.tuple(fc.nat(20), fc.bigInt(0n, 100n)).map((drawn) => new Resolve(...drawn)),
      ],
      { maxCommands: 30 },
    );
    await fc.assert(
      fc.asyncProperty(commands, async (sequence) => {
        const inOneTransaction = store.transaction(async (tx) => {
          const setup = () => ({ model: { available: [0n, 0n, 0n], open: [], clearing: 0n }, real: { tx } });
          await fc.asyncModelRun(setup, sequence);
          throw new Rollback();
        });
        await expect(inOneTransaction).rejects.toBeInstanceOf(Rollback);
      }),
      { numRuns: RUNS },
    );
  });
});
