import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  completionExample,
  type Example,
  GradientSession,
  type LoraConfig,
  type ModelConfig,
  parseModelConfig,
  readSafetensors,
  readWeights,
  Scorer,
  type TargetModule,
  type Tensor,
  type Weights,
} from '../src/index.js';

/** Written by `bench/peers/reference.py` with PyTorch, transformers and peft in float32. */
const fixtures = fileURLToPath(new URL('../../test/fixtures/', import.meta.url));
const tolerance = 1e-5;

interface Reference {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly lora: LoraConfig;
  readonly adapter: ReadonlyMap<string, Tensor>;
  readonly values: ReadonlyMap<string, Tensor>;
  readonly sequences: readonly Int32Array[];
  readonly examples: readonly Example[];
}

async function load(name: string): Promise<Reference> {
  const folder = `${fixtures}${name}`;
  const { tensors: values } = await readSafetensors(`${folder}/reference.safetensors`);
  const sequences = rowsOf(values, 'tokens').map((row) => Int32Array.from(row));
  // Hugging Face labels a token at its own position; a completion starts at the first one labelled.
  const starts = rowsOf(values, 'labels').map((row) =>
    Math.max(
      1,
      row.findIndex((label) => label >= 0),
    ),
  );
  const { tensors } = await readSafetensors(`${folder}/adapter/adapter_model.safetensors`);
  return {
    config: parseModelConfig(await readFile(`${folder}/config.json`, 'utf8')),
    weights: await readWeights(folder),
    lora: await readLora(`${folder}/adapter/adapter_config.json`),
    adapter: new Map([...tensors].map(([key, tensor]) => [key.replace('base_model.model.', ''), tensor])),
    values,
    sequences,
    examples: sequences.map((tokens, row) => completionExample(tokens, starts[row])),
  };
}

function rowsOf(values: ReadonlyMap<string, Tensor>, name: string): Float32Array[] {
  const { data, shape } = tensorOf(values, name);
  const [rows = 0, width = 0] = shape;
  return Array.from({ length: rows }, (_, row) => data.subarray(row * width, (row + 1) * width));
}

function tensorOf(values: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = values.get(name);
  if (!tensor) throw new Error(`the reference has no ${name}`);
  return tensor;
}

async function readLora(path: string): Promise<LoraConfig> {
  const { r, lora_alpha, use_rslora, target_modules } = JSON.parse(await readFile(path, 'utf8')) as {
    r: number;
    lora_alpha: number;
    use_rslora: boolean;
    target_modules: TargetModule[];
  };
  return {
    rank: r,
    alpha: use_rslora ? lora_alpha * Math.sqrt(r) : lora_alpha,
    targetModules: target_modules,
  };
}

/** ‖ours − theirs‖ / ‖theirs‖. */
function relativeDifference(ours: Float32Array, theirs: Float32Array): number {
  expect(ours).toHaveLength(theirs.length);
  return Math.hypot(...ours.map((value, i) => value - (theirs[i] ?? Number.NaN))) / Math.hypot(...theirs);
}

describe.each(['llama', 'qwen2'])('%s computed by PyTorch', (name) => {
  let reference: Reference;
  beforeAll(async () => {
    reference = await load(name);
  });

  it('has our logits, with and without the adapter', async () => {
    const { config, weights, lora, adapter, values, sequences } = reference;
    const scorer = await Scorer.open(config, weights, { maxLength: 64, threads: 1, lora });
    for (const [key, served] of [
      ['base_logits', undefined],
      ['logits', adapter],
    ] as const) {
      const { data, shape } = await scorer.logits(sequences, served);
      const [, time = 0, vocabulary = 0] = shape;
      const expected = tensorOf(values, key);
      const perRow = (expected.shape[1] ?? 0) * vocabulary;
      for (const row of sequences.keys()) {
        const ours = data.subarray(row * time * vocabulary, row * time * vocabulary + perRow);
        const theirs = expected.data.subarray(row * perRow, (row + 1) * perRow);
        expect(relativeDifference(ours, theirs)).toBeLessThan(tolerance);
      }
    }
    await scorer.release();
  });

  it('has our loss and adapter gradients', async () => {
    const { config, weights, lora, adapter, values, examples } = reference;
    const session = await GradientSession.forLora(config, weights, lora, { maxLength: 64, threads: 1 });
    const { loss, gradients } = await session.gradients(adapter, examples);
    expect(relativeDifference(Float32Array.of(loss), tensorOf(values, 'loss').data)).toBeLessThan(tolerance);
    const theirs = [...values.keys()].filter((key) => key.startsWith('gradient.'));
    expect(theirs).toHaveLength(gradients.size);
    for (const key of theirs) {
      const ours = gradients.get(key.replace('gradient.base_model.model.', ''));
      expect(relativeDifference(ours?.data ?? new Float32Array(0), tensorOf(values, key).data)).toBeLessThan(
        tolerance,
      );
    }
    await session.release();
  });
});
