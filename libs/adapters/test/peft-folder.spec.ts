import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  encodeSafetensors,
  initialLora,
  type ModelConfig,
  parseModelConfig,
  readSafetensors,
  readWeights,
  Scorer,
  type Tensor,
} from '@openledger/transformer';
import { encodeAdapter, parseAdapter, readAdapterFolder, writeAdapterFolder } from '../src/index.js';

/** Written by `bench/peers/reference.py` with peft. */
const fixtures = fileURLToPath(new URL('../../../transformer/test/fixtures/', import.meta.url));
const modelOf = async (name: string): Promise<ModelConfig> =>
  parseModelConfig(await readFile(join(fixtures, name, 'config.json'), 'utf8'));
const newFolder = () => mkdtemp(join(tmpdir(), 'adapter-'));

type Change = (config: Record<string, unknown>, tensors: Map<string, Tensor>) => void;

/** The llama adapter of peft with changes to its configuration and tensors. */
async function changed(change: Change) {
  const model = await modelOf('llama');
  const folder = join(fixtures, 'llama', 'adapter');
  const config = JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  const { tensors } = await readSafetensors(join(folder, 'adapter_model.safetensors'));
  change(config, tensors);
  const files = { config: Buffer.from(JSON.stringify(config)), weights: encodeSafetensors(tensors) };
  return { model, files, parse: () => parseAdapter(files, model) };
}

const site = 'base_model.model.model.layers.1.self_attn.q_proj';

function take(tensors: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = tensors.get(name);
  if (!tensor) throw new Error(`no ${name}`);
  return tensor;
}

describe('PEFT folders', () => {
  it('reads what peft wrote', async () => {
    const llama = await readAdapterFolder(join(fixtures, 'llama', 'adapter'), await modelOf('llama'));
    expect(llama.lora).toMatchObject({ rank: 4, alpha: 8 });
    expect(llama.lora.targetModules).toHaveLength(7);
    expect(llama.weights.size).toBe(2 * 7 * 2);
    const qwen = await readAdapterFolder(join(fixtures, 'qwen2', 'adapter'), await modelOf('qwen2'));
    expect(qwen.lora.targetModules).toEqual(['q_proj', 'v_proj', 'down_proj']);
    expect(qwen.lora.alpha / qwen.lora.rank).toBeCloseTo(6 / Math.sqrt(4), 12);
  });

  it('computes with peft adapters what PyTorch computes, rank stabilised ones too', async () => {
    const model = await modelOf('qwen2');
    const adapter = await readAdapterFolder(join(fixtures, 'qwen2', 'adapter'), model);
    const { tensors } = await readSafetensors(join(fixtures, 'qwen2', 'reference.safetensors'));
    const weights = await readWeights(join(fixtures, 'qwen2'));
    const scorer = await Scorer.open(model, weights, { maxLength: 64, threads: 1, lora: adapter.lora });
    const expected = take(tensors, 'logits').data;
    const tokens = take(tensors, 'tokens').data.slice(0, 12);
    const { data } = await scorer.logits([tokens], adapter.weights);
    await scorer.release();
    const count = 12 * model.vocabSize;
    let error = 0;
    let size = 0;
    for (let at = 0; at < count; at++) {
      error += ((data[at] ?? 0) - (expected[at] ?? 0)) ** 2;
      size += (expected[at] ?? 0) ** 2;
    }
    expect(Math.sqrt(error / size)).toBeLessThan(1e-5);
  });

  it('writes folders that it reads back the same, with the same digest', async () => {
    const model = await modelOf('llama');
    const lora = { rank: 3, alpha: 7, targetModules: ['k_proj', 'down_proj'] as const };
    const files = encodeAdapter(lora, initialLora(model, lora, 5), 'a-base');
    const folder = await newFolder();
    const digest = await writeAdapterFolder(folder, files);
    const read = await readAdapterFolder(folder, model);
    expect(read).toEqual({ lora, weights: initialLora(model, lora, 5), baseModel: 'a-base', digest });
  });

  it('has a digest of content, not of place', async () => {
    const model = await modelOf('llama');
    const original = join(fixtures, 'llama', 'adapter');
    const copy = await newFolder();
    await cp(original, copy, { recursive: true });
    const { digest } = await readAdapterFolder(original, model);
    expect((await readAdapterFolder(copy, model)).digest).toBe(digest);
    const config = await readFile(join(copy, 'adapter_config.json'), 'utf8');
    await writeFile(join(copy, 'adapter_config.json'), config.replace('"lora_alpha": 8', '"lora_alpha": 9'));
    expect((await readAdapterFolder(copy, model)).digest).not.toBe(digest);
  });

  it('folds a pattern of ranks and alphas into one rank, with every product unchanged', async () => {
    const { parse } = await changed((config, tensors) => {
      config.rank_pattern = { 'layers.1.self_attn.q_proj': 2 };
      config.alpha_pattern = { 'layers.1.self_attn.q_proj': 12 };
      const [a, b] = [take(tensors, `${site}.lora_A.weight`), take(tensors, `${site}.lora_B.weight`)];
      tensors.set(`${site}.lora_A.weight`, { shape: [2, 32], data: a.data.slice(0, 64) });
      const columns = Float32Array.from(
        { length: 64 },
        (_, at) => b.data[Math.floor(at / 2) * 4 + (at % 2)] ?? 0,
      );
      tensors.set(`${site}.lora_B.weight`, { shape: [32, 2], data: columns });
    });
    const { lora, weights } = parse();
    expect(lora).toMatchObject({ rank: 4, alpha: 8 });
    const path = site.replace('base_model.model.', '');
    expect(take(weights, `${path}.lora_A.weight`).shape).toEqual([4, 32]);
    expect([...take(weights, `${path}.lora_A.weight`).data.slice(64)].every((value) => value === 0)).toBe(
      true,
    );
    // Scale 12 / 2 = 6 of this layer over scale 8 / 4 = 2 of the adapter.
    const { tensors } = await readSafetensors(
      join(fixtures, 'llama', 'adapter', 'adapter_model.safetensors'),
    );
    const before = take(tensors, `${site}.lora_B.weight`).data;
    expect(take(weights, `${path}.lora_B.weight`).data[0]).toBeCloseTo((before[0] ?? 0) * 3, 5);
  });

  it('refuses an adapter of another model, and a folder that is none', async () => {
    const other = { ...(await modelOf('llama')), hiddenSize: 64 };
    await expect(readAdapterFolder(join(fixtures, 'llama', 'adapter'), other)).rejects.toThrow(
      'for this base model',
    );
    await expect(readAdapterFolder(await newFolder(), other)).rejects.toMatchObject({
      code: 'ADAPTER_FILE_MISSING',
    });
  });
});
