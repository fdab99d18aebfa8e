import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { initialLora, loadModelFolder, Scorer, type Tensor } from '@openledger/transformer';
import { encodeAdapter, writeAdapterFolder } from '../src/index.js';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const seedling = join(root, 'models', 'seedling');
/** Made by `bench/peers/install.sh`. */
const python = join(root, '.cache', 'peers', 'bin', 'python');
const script = (name: string) => join(root, 'bench', 'peers', name);

/** The Python peers are optional on a developer's machine. */
const withPeers = existsSync(python) ? describe : describe.skip;

function relativeDifference(ours: Float32Array, theirs: readonly number[]): number {
  const error = Math.hypot(...ours.map((value, at) => value - (theirs[at] ?? Number.NaN)));
  return error / Math.hypot(...theirs);
}

withPeers('the Python libraries', () => {
  it('load our model and our adapter and compute the same logits', async () => {
    const { config, weights, tokenizer } = await loadModelFolder(seedling);
    const lora = { rank: 4, alpha: 8, targetModules: ['q_proj', 'v_proj', 'up_proj'] as const };
    const adapter = new Map<string, Tensor>();
    for (const [name, { shape, data }] of initialLora(config, lora, 3)) {
      // B begins as zero, which would hide its layout.
      adapter.set(name, { shape, data: data.map((value, at) => value + 0.1 * Math.sin(at)) });
    }
    const folder = await mkdtemp(join(tmpdir(), 'adapter-'));
    await writeAdapterFolder(folder, encodeAdapter(lora, adapter, 'seedling'));
    const tokens = tokenizer.encode('Once there was a gardener');

    const args = [script('load_adapter.py'), seedling, folder, ...Array.from(tokens, String)];
    const { stdout } = await promisify(execFile)(python, args, { maxBuffer: 16_000_000, timeout: 120_000 });
    const theirs = JSON.parse(stdout) as { base: number[]; adapted: number[] };

    const scorer = await Scorer.open(config, weights, { maxLength: 64, threads: 1, lora });
    for (const [expected, served] of [
      [theirs.base, undefined],
      [theirs.adapted, adapter],
    ] as const) {
      const { data } = await scorer.logits([tokens], served);
      const last = data.subarray((tokens.length - 1) * config.vocabSize, tokens.length * config.vocabSize);
      expect(relativeDifference(last, expected)).toBeLessThan(1e-4);
    }
    await scorer.release();
    expect(theirs.adapted).not.toEqual(theirs.base);
  }, 180_000);

  it('encode text to the same tokens', async () => {
    const { tokenizer } = await loadModelFolder(seedling);
    const texts = ["It's 1984, naïve 世界 🎉\n\n\tdone", 'The harbour master  waits.', '<|user|>\nHi<|end|>'];
    const { stdout } = spawnSync(python, [script('load_tokenizer.py'), join(seedling, 'tokenizer.json')], {
      input: JSON.stringify(texts),
      encoding: 'utf8',
    });
    const ours = texts.map((text) => [...tokenizer.encode(text, { addSpecialTokens: false })]);
    expect(JSON.parse(stdout)).toEqual(ours);
  }, 60_000);

  it('recompute the stored reference values', async () => {
    const fixtures = join(root, 'libs', 'transformer', 'test', 'fixtures');
    const { stdout } = await promisify(execFile)(python, [script('reference.py'), '--check', fixtures], {
      timeout: 120_000,
    });
    expect(JSON.parse(stdout)).toMatchObject({ llama: expect.any(Number), qwen2: expect.any(Number) });
  }, 180_000);
});
