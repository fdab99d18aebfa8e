import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { type Played, play } from '../src/demo/play.js';
import { type Platform, startPlatform } from '../src/platform/platform.js';
import { createTerminal } from '../src/terminal/steps.js';
import { medquadIsHere, medquadRoles, medquadScenario } from './medquad.js';

const PPB = 1_000_000_000;
const root = join(import.meta.dirname, '..', '..', '..', '..');
const silent = new Writable({ write: (_chunk, _encoding, done) => done() });

describe('the loop on five medical institutes and a copier', () => {
  let dataDir: string;
  let platform: Platform;
  let played: Played;
  const idOf = (name: string) => played.contributors.find((actor) => actor.name === name)?.personId ?? '';
  const assessedOf = (name: string) => played.assessed.get(idOf(name));
  const earned = (name: string) =>
    played.receipt.parts
      .filter(({ role, payeeId }) => role === 'contributor' && payeeId === idOf(name))
      .reduce((sum, { amountWei }) => sum + BigInt(amountWei), 0n);

  beforeAll(async () => {
    if (!medquadIsHere)
      throw new Error('The MedQuAD data is not beside the checkout: put it at ../shared/data/medquad.');
    dataDir = await mkdtemp(join(tmpdir(), 'openledger-medquad-'));
    platform = await startPlatform({
      dataDir,
      modelDir: join(root, 'models', 'seedling'),
      host: '127.0.0.1',
      httpPort: 0,
      grpcPort: 0,
      logLevel: 'error',
      env: {},
      onStarting: () => undefined,
    });
    played = await play(platform, await medquadScenario(), createTerminal(silent));
  }, 600_000);

  afterAll(async () => {
    await platform?.stop();
    await rm(dataDir, { recursive: true, force: true });
  }, 60_000);

  it('accepts nearly everything of the institutes, though they share question templates', () => {
    for (const name of medquadRoles.institutes) {
      expect(assessedOf(name)?.acceptedCount).toBeGreaterThan(0.9 * medquadRoles.recordsEach);
    }
  });

  it('finds the copies under the paraphrase, and makes copier and copied one party', () => {
    expect(assessedOf(medquadRoles.copier)?.acceptedCount).toBeLessThan(0.05 * medquadRoles.recordsEach);
    const party = played.parties.find(({ contributorIds }) =>
      contributorIds.includes(idOf(medquadRoles.copier)),
    );
    expect(party?.contributorIds.toSorted()).toEqual(
      [idOf(medquadRoles.copied), idOf(medquadRoles.copier)].toSorted(),
    );
  });

  it('learns, attributes in shares that sum to one, and splits the fee to the wei', () => {
    const { baseLoss = 0, adapterLoss = Number.NaN } = played.run.evaluation ?? {};
    expect(adapterLoss).toBeLessThan(baseLoss);
    const { contributors, baseModelPpb, reservePpb } = played.attribution;
    expect(
      contributors.reduce((sum, { influencePpb }) => sum + influencePpb, baseModelPpb + reservePpb),
    ).toBe(PPB);
    const paid = played.receipt.parts.reduce((sum, { amountWei }) => sum + BigInt(amountWei), 0n);
    expect(paid).toBe(BigInt(played.receipt.feeWei));
  });

  it('pays the copier less than 5 % of what the copied earns', () => {
    expect(earned(medquadRoles.copied)).toBeGreaterThan(0n);
    expect(earned(medquadRoles.copier) * 20n).toBeLessThan(earned(medquadRoles.copied));
  });

  it('pays claims by exactly the leaf', () => {
    expect(played.claims.length).toBeGreaterThan(0);
    for (const { beforeWei, afterWei, leafWei } of played.claims) expect(afterWei - beforeWei).toBe(leafWei);
  });
});
