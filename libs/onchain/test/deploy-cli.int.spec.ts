import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { Wallet } from 'ethers';
import { creations } from '../src/deploy-steps.js';
import { costOf, requireFunds } from '../src/deployment-cost.js';
import {
  addressesOf,
  developmentWallet,
  everythingTo,
  type LocalChain,
  localPlan,
  startAnvil,
} from '../src/index.js';
import { productionSettings } from './production-settings.js';

const SCRIPT = join(import.meta.dirname, '..', 'src', 'deploy-main.js');
const ETHER = 10n ** 18n;
const GAS_PRICE_ORACLE = '0x420000000000000000000000000000000000000F';
/** Runtime code that answers any call with the number 7: PUSH1 7, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN. */
const ALWAYS_SEVEN = '0x600760005260206000f3';

describe('npm run deploy', () => {
  let chain: LocalChain;
  let dir: string;

  beforeAll(async () => {
    chain = await startAnvil();
    dir = await mkdtemp(join(tmpdir(), 'deploy-'));
  });
  afterAll(async () => {
    await chain.stop();
    await rm(dir, { recursive: true });
  });

  interface Ended {
    readonly code: number;
    readonly output: string;
  }
  const run = (given: readonly string[], env: Record<string, string> = {}): Promise<Ended> =>
    new Promise((resolve) => {
      const options = { env: { PATH: process.env.PATH, ...env } };
      execFile(process.execPath, [SCRIPT, ...given], options, (error, stdout, stderr) => {
        resolve({ code: Number(error?.code ?? 0), output: stdout + stderr });
      });
    });
  const settingsFile = async (settings: object) => {
    const path = join(dir, 'settings.json');
    await writeFile(path, JSON.stringify(settings));
    return path;
  };

  it('says what it would do, does it, and does it once', async () => {
    const deployer = Wallet.createRandom();
    await chain.setBalance(deployer.address, ETHER);
    const keyFile = join(dir, 'key.txt');
    await writeFile(keyFile, `${deployer.privateKey}\n`);
    const env = { DEPLOYER_KEY_FILE: keyFile };
    const out = join(dir, 'addresses.json');
    const given = [
      ...['--rpc', chain.rpcUrl, '--profile', 'production'],
      ...['--settings', await settingsFile(productionSettings), '--out', out],
    ];

    const planned = await run([...given, '--dry-run'], env);
    expect(planned).toMatchObject({ code: 0 });
    expect(planned.output).toContain(`would create token at ${addressesOf(deployer.address).token}`);
    expect(await chain.provider.getTransactionCount(deployer.address)).toBe(0);

    const done = await run(given, env);
    expect(done).toMatchObject({ code: 0 });
    expect(done.output).toMatch(/\d\d facts read back agree with the plan/);
    const written = JSON.parse(await readFile(out, 'utf8'));
    expect(written).toMatchObject({ chainId: 31_337, ...addressesOf(deployer.address) });
    expect(written.vestingWallets).toHaveLength(5);

    const sent = await chain.provider.getTransactionCount(deployer.address);
    expect(await run(given, env)).toMatchObject({ code: 0 });
    expect(await chain.provider.getTransactionCount(deployer.address)).toBe(sent);
    expect(JSON.parse(await readFile(out, 'utf8'))).toEqual(written);
  });

  it.each<[string, string[], string]>([
    ['no endpoint', ['--profile', 'local'], 'BAD_OPTION'],
    ['an unknown profile', ['--rpc', 'http://127.0.0.1:1', '--profile', 'staging'], 'BAD_OPTION'],
    ['an unknown option', ['--force'], 'BAD_OPTION'],
    ['production without settings', ['--rpc', 'http://127.0.0.1:1', '--profile', 'production'], 'BAD_OPTION'],
  ])('refuses %s', async (_, given, code) => {
    const { code: status, output } = await run(given);
    expect([status, output.split(':')[0]]).toEqual([1, code]);
  });

  it('refuses settings that are none, no key, a bad key, and a deployer without funds', async () => {
    const given = ['--rpc', chain.rpcUrl, '--profile', 'production', '--settings'];
    const good = await settingsFile(productionSettings);
    const poor = Wallet.createRandom().privateKey;
    const refusals: [string[], Record<string, string>, string][] = [
      [[...given, good], {}, 'NO_DEPLOYER_KEY'],
      [[...given, good], { DEPLOYER_KEY: '0x12' }, 'CONFIG_INVALID'],
      [[...given, join(dir, 'absent.json')], { DEPLOYER_KEY: poor }, 'SETTINGS_UNREADABLE'],
      [[...given, good], { DEPLOYER_KEY: poor }, 'DEPLOYER_UNDERFUNDED'],
    ];
    for (const [arguments_, env, code] of refusals) {
      const { code: status, output } = await run(arguments_, env);
      expect([status, /[A-Z_]{6,}(?=:)/.exec(output)?.[0]]).toEqual([1, code]);
      if (env.DEPLOYER_KEY !== undefined) expect(output).not.toContain(env.DEPLOYER_KEY);
    }
  });

  it('adds the fee for data on L1 where the chain has one', async () => {
    const { address: from } = developmentWallet(3);
    const missing = creations(from, localPlan(everythingTo(from), { operator: from, administrator: from }));
    const plain = await costOf(chain.provider, from, missing);
    expect(plain.l1FeeWei).toBe(0n);
    expect(plain.totalWei).toBe((plain.l2FeeWei * 130n) / 100n);
    await chain.provider.send('anvil_setCode', [GAS_PRICE_ORACLE, ALWAYS_SEVEN]);
    const rollup = await costOf(chain.provider, from, missing);
    // Each creation, and the hand-over.
    expect(rollup.l1FeeWei).toBe(7n * BigInt(missing.length + 1));
    await chain.setBalance(from, rollup.totalWei - 1n);
    await expect(requireFunds(chain.provider, from, rollup)).rejects.toMatchObject({
      code: 'DEPLOYER_UNDERFUNDED',
    });
    await chain.setBalance(from, rollup.totalWei);
    await expect(requireFunds(chain.provider, from, rollup)).resolves.toBeUndefined();
  });
});
