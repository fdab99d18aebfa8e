import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Topic, topics } from '@openledger/contracts';
import { MemoryEventLog } from '@openledger/event-log/memory';
import { invariant, newId } from '@openledger/kernel';
import { chainSettings, developmentWallet, payerAccount, sendAndWait } from '@openledger/onchain';
import { type RunningService, startService } from '@openledger/service-host';
import { eventually, KnownCallers, publish as publishOn, testDatabase } from '@openledger/testing';
import { Wallet } from 'ethers';
import fc from 'fast-check';
import { confirm } from '../src/confirm.js';
import { settlement } from '../src/index.js';
import { verify } from '../src/verify.js';
import { type ChainFixture, OPEN, startChain } from './chain-fixture.js';

const PAYER = newId();
const DEVELOPER = newId();
const MODEL = newId();
const NOW = new Date('2026-11-20T12:00:00Z');
const people = Array.from({ length: 4 }, () => ({ id: newId(), wallet: Wallet.createRandom().address }));

describe('verifying an epoch', () => {
  let fixture: ChainFixture;
  let eventLog: MemoryEventLog;
  let service: RunningService;
  let folder: string;

  beforeAll(async () => {
    fixture = await startChain();
    eventLog = new MemoryEventLog();
    folder = await mkdtemp(join(tmpdir(), 'verify-'));
    service = await startService(settlement, {
      env: {
        DATABASE_URL: await testDatabase(),
        SERVICE_TOKEN: 'x'.repeat(32),
        HTTP_PORT: '0',
        GRPC_PORT: '0',
        LOG_LEVEL: 'error',
        CHAIN_RPC_URL: fixture.chain.rpcUrl,
        ...chainSettings(fixture.deployment),
        CHAIN_POLL_MS: '50',
        SETTLEMENT_OPERATOR_KEY: fixture.operatorKey,
      },
      authenticator: new KnownCallers((credential) =>
        credential === 'operator' ? { organisationId: PAYER } : undefined,
      ),
      eventLog,
    });
    await prepare();
    // The second pays in two ledger epochs what came after the first, and a payee who registered late.
    await serveAndClose(1, 3);
    await register(people[3]);
    await serveAndClose(2, 4);
    await keep(`epochs/1/manifest`, 'epoch-1.ndjson');
    await keep(`epochs/2/manifest`, 'epoch-2.ndjson');
    await keep(`ledger-epochs/1/manifest`, 'ledger-epoch-1.ndjson');
    await keep(`ledger-epochs/2/manifest`, 'ledger-epoch-2.ndjson');
  }, 120_000);
  afterAll(async () => {
    await service.stop();
    await eventLog.close();
    await fixture.chain.stop();
    await rm(folder, { recursive: true });
  });

  const url = () => `http://127.0.0.1:${service.httpPort}`;
  const publish = <T>(topic: Topic<T>, message: T) => publishOn(eventLog, topic, message, newId());
  const get = (path: string, init: RequestInit = {}) => fetch(`${url()}/settlement/${path}`, init);
  const headers = { authorization: 'Bearer operator' };
  const told = async (path: string): Promise<unknown> =>
    JSON.parse(await (await get(path, { headers })).text());
  const register = (person: (typeof people)[number] | undefined) =>
    publish(topics.contributorRegistered, {
      contributorId: person?.id ?? '',
      displayName: 'someone',
      walletAddress: person?.wallet ?? '',
      registeredAt: NOW,
    });

  async function prepare(): Promise<void> {
    await sendAndWait(fixture.payer, fixture.vault.deposit(payerAccount(PAYER), 100n * OPEN));
    await publish(
      topics.modelDeployed,
      topics.modelDeployed.message.create({
        modelId: MODEL,
        name: 'seedling',
        developerOrganisationId: DEVELOPER,
        baseDigest: 'base',
        price: {
          // Fees with more digits than a double holds.
          promptWeiPerMillion: '123456789012345678901',
          completionWeiPerMillion: '333333333333333333333',
        },
        deployedAt: NOW,
      }),
    );
    for (const person of people.slice(0, 3)) await register(person);
    await publish(topics.organisationCreated, {
      organisationId: DEVELOPER,
      name: 'the developer',
      ownerPersonId: newId(),
      walletAddress: Wallet.createRandom().address,
      createdAt: NOW,
    });
    await eventually(async () => {
      expect(await told('balance')).toMatchObject({ availableWei: (100n * OPEN).toString() });
    });
  }

  async function serve(requestId: string, seed: number): Promise<void> {
    const sharesPpb = [400_000_000, 300_000_000, 150_000_000, 50_000_000];
    await publish(
      topics.attributionScored,
      topics.attributionScored.message.create({
        requestId,
        modelId: MODEL,
        adapterDigest: 'adapter',
        contributors: people.map((person, index) => ({
          contributorId: person.id,
          partyId: person.id,
          influencePpb: sharesPpb[(index + seed) % 4] ?? 0,
          contextPpb: 0,
          basePpb: 250_000_000,
        })),
        baseModelPpb: 60_000_000,
        reservePpb: 40_000_000,
        reliabilityPpb: 700_000_000,
        evidenceBlob: '',
        scoredAt: NOW,
      }),
    );
    await publish(
      topics.inferenceServed,
      topics.inferenceServed.message.create({
        requestId,
        modelId: MODEL,
        modelName: 'seedling',
        payerOrganisationId: PAYER,
        holdId: '',
        adapterDigest: 'adapter',
        usage: { promptTokens: 1_000 + seed, completionTokens: 77 * seed + 1 },
        servedAt: NOW,
      }),
    );
  }

  async function serveAndClose(epoch: number, answers: number): Promise<void> {
    const ids = Array.from({ length: answers }, (_, index) => `request-${epoch}-${index}`);
    for (const [index, id] of ids.entries()) await serve(id, epoch + index);
    for (const id of ids) {
      await eventually(async () => expect(await told(`receipts/${id}`)).toMatchObject({ state: 'credited' }));
    }
    expect((await get('epochs', { method: 'POST', headers })).status).toBe(202);
    await eventually(async () => {
      expect(await told('epochs')).toMatchObject({
        epochs: expect.arrayContaining([expect.objectContaining({ epoch, state: 'active' })]),
      });
    });
  }

  async function keep(path: string, name: string): Promise<void> {
    const response = await get(path);
    expect(response.headers.get('content-type')).toContain('application/x-ndjson');
    await writeFile(join(folder, name), await response.text());
  }

  const run = async (...args: string[]) => {
    const printed: string[] = [];
    const code = await verify(args, (text) => printed.push(text));
    return { code, printed, last: printed.at(-1) ?? '' };
  };

  it('passes by what the service publishes and the chain keeps', async () => {
    const { code, printed } = await run(
      '--epoch',
      '1',
      '--to',
      '2',
      '--url',
      url(),
      '--rpc',
      fixture.chain.rpcUrl,
    );
    expect(printed.join('\n')).toContain('as on chain 31337');
    expect(printed.at(-1)).toBe('verified');
    expect(code).toBe(0);
  });

  it('passes by kept files, and says what it could not compare', async () => {
    const { code, printed } = await run('--epoch', '2', '--folder', folder);
    expect(code).toBe(0);
    expect(printed).toContain('not compared with the chain: no endpoint was given');
  });

  it('E2: pays what was earned, to the wei: leaves, total, chain and ledger agree', async () => {
    const lines = (await readFile(join(folder, 'epoch-2.ndjson'), 'utf8')).trimEnd().split('\n');
    const [head, ...rest] = lines.map((line) => JSON.parse(line));
    const leaves = rest.filter(({ kind }) => kind === 'leaf');
    const sum = leaves.reduce((all: bigint, leaf: { totalWei: string }) => all + BigInt(leaf.totalWei), 0n);
    expect(leaves).toHaveLength(5);
    expect(sum).toBe(BigInt(head.totalWei));
    expect(await fixture.distributor.rootOf(2)).toMatchObject({ root: head.root, totalWei: sum });
    expect(await fixture.token.balanceOf(fixture.deployment.distributor)).toBe(sum);
  });

  it('tells nothing of who asked', async () => {
    for (const name of ['epoch-2.ndjson', 'ledger-epoch-2.ndjson']) {
      const text = await readFile(join(folder, name), 'utf8');
      expect(text).not.toContain(PAYER);
      expect(text).not.toContain('someone');
    }
  });

  it('names the line, whichever line and field is changed', async () => {
    const names = ['epoch-2.ndjson', 'ledger-epoch-2.ndjson'] as const;
    const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
    const change = fc.record({ file: fc.nat(1), line: fc.nat(10_000), field: fc.nat(100) });
    await fc.assert(
      fc.asyncProperty(change, async ({ file, line, field }) => {
        const name = names[file] ?? names[0];
        const lines = (texts[file] ?? '').trimEnd().split('\n');
        const number = line % lines.length;
        const changed = JSON.parse(lines[number] ?? '');
        const key = Object.keys(changed)[field % Object.keys(changed).length] ?? '';
        changed[key] = other(changed[key]);
        await writeFile(join(folder, name), `${lines.with(number, JSON.stringify(changed)).join('\n')}\n`);
        const { code, last } = await run('--epoch', '2', '--folder', folder);
        await writeFile(join(folder, name), texts[file] ?? '');
        expect(code).toBe(1);
        expect(last).toContain(
          `EPOCH_DIFFERS: ${name.replace('.ndjson', '').replaceAll(/-(?=\d)|-(?=epoch)/g, ' ')}, line ${number + 1}:`,
        );
      }),
      { numRuns: 60 },
    );
  });

  it('finds lines that were left out, put in or swapped', async () => {
    const name = join(folder, 'ledger-epoch-2.ndjson');
    const text = await readFile(name, 'utf8');
    const lines = text.trimEnd().split('\n');
    const changes = [
      lines.slice(0, -1),
      lines.toSpliced(3, 1),
      lines.toSpliced(3, 0, lines[3] ?? ''),
      lines.with(2, lines[3] ?? '').with(3, lines[2] ?? ''),
      [],
    ];
    for (const changed of changes) {
      await writeFile(name, changed.map((line) => `${line}\n`).join(''));
      expect(await run('--epoch', '2', '--folder', folder)).toMatchObject({
        code: 1,
        last: expect.stringContaining('EPOCH_DIFFERS: ledger epoch 2'),
      });
    }
    await writeFile(name, text);
  });

  it('does not believe an operator who changes a fee and computes every hash anew', async () => {
    const { LineChain } = await import('../src/domain/epochs/manifest.js');
    const name = join(folder, 'ledger-epoch-2.ndjson');
    const text = await readFile(name, 'utf8');
    const forge = (edit: (line: Record<string, unknown>) => void) => {
      const chain = new LineChain();
      return text
        .trimEnd()
        .split('\n')
        .map((line) => {
          const { link: _link, ...rest } = JSON.parse(line);
          edit(rest);
          return chain.write(rest);
        })
        .join('');
    };
    const forgeries: [string, (line: Record<string, unknown>) => void][] = [
      ['pricedWei', (line) => line.kind === 'answer' && Object.assign(line, { completionTokens: 1 })],
      ['part 1', (line) => line.kind === 'answer' && Object.assign(line, { feeWei: '1' })],
      [
        'what was credited',
        (line) => line.kind === 'account' && Object.assign(line, { creditsWei: line.debitsWei }),
      ],
      ['policyVersion', (line) => line.kind === 'answer' && Object.assign(line, { policyVersion: 99 })],
      [
        'the manifest of ledger epoch 2',
        (line) => line.kind === 'answer' && Object.assign(line, { modelId: 'other' }),
      ],
    ];
    for (const [what, edit] of forgeries) {
      await writeFile(name, forge(edit));
      expect((await run('--epoch', '2', '--folder', folder)).last).toContain(what);
    }
    await writeFile(name, text);
  });

  it('confirms what it computed again, and nothing that differs', async () => {
    const [administrator, second, stranger] = [0, 7, 8].map((index) =>
      developmentWallet(index).connect(fixture.chain.provider),
    );
    invariant(administrator && second && stranger, 'three wallets');
    await sendAndWait(administrator, fixture.distributor.setConfirmer(second.address));
    await serveAndClose(3, 1);
    await keep(`epochs/3/manifest`, 'epoch-3.ndjson');
    await keep(`ledger-epochs/3/manifest`, 'ledger-epoch-3.ndjson');
    expect(await fixture.distributor.isActive(3)).toBe(false);

    const given = ['--rpc', fixture.chain.rpcUrl, '--distributor', fixture.deployment.distributor];
    const confirmBy = async (wallet: { privateKey: string }, ...source: string[]) => {
      const printed: string[] = [];
      const env = { CONFIRMER_KEY: wallet.privateKey };
      const code = await confirm([...given, ...source], env, (text) => printed.push(text));
      return { code, last: printed.at(-1) ?? '' };
    };
    expect((await confirmBy(stranger, '--url', url())).last).toContain('CONFIRMER_MISMATCH');
    const name = join(folder, 'ledger-epoch-3.ndjson');
    const text = await readFile(name, 'utf8');
    await writeFile(name, text.replace(/"feeWei":"\d+"/, '"feeWei":"1"'));
    expect(await confirmBy(second, '--folder', folder)).toMatchObject({
      code: 1,
      last: expect.stringContaining('EPOCH_DIFFERS'),
    });
    expect(await fixture.distributor.confirmedEpoch()).toBe(2);

    expect(await confirmBy(second, '--url', url())).toEqual({ code: 0, last: '1 confirmed' });
    expect(await fixture.distributor.isActive(3)).toBe(true);
    expect(await confirmBy(second, '--url', url())).toEqual({ code: 0, last: '0 confirmed' });
    expect(await confirmBy(second)).toMatchObject({ code: 2 });
  });

  it('ends with other codes when it is called wrongly or finds nothing', async () => {
    expect(await run('--epoch', 'x')).toMatchObject({ code: 2 });
    expect(await run('--epochs', '1')).toMatchObject({ code: 2 });
    expect(await run('--epoch', '9', '--folder', folder)).toMatchObject({
      code: 1,
      last: expect.stringContaining('MANIFEST_UNKNOWN'),
    });
    expect((await get('epochs/9/manifest')).status).toBe(404);
    expect((await get('epochs/x/manifest')).status).toBe(400);
    expect((await get('ledger-epochs/99999999999/manifest')).status).toBe(400);
  });
});

/** Something else of the same kind, so that only its meaning is wrong. */
function other(value: unknown): unknown {
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'string') return /^\d+$/.test(value) ? (BigInt(value) + 1n).toString() : `${value}x`;
  if (Array.isArray(value)) return [...value, 'x'];
  return { ...(value as object), x: 1 };
}
