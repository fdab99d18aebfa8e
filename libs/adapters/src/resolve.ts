import type { DomainError } from '@openledger/kernel';
import {
  type LoraConfig,
  type LoraWeights,
  loraShapes,
  type ModelConfig,
  modulePath,
  moduleShape,
  type TargetModule,
  type Tensor,
  targetModules,
} from '@openledger/transformer';
import { refuseAdapter } from './adapter.js';
import { matchPattern, type PeftConfig } from './peft-config.js';

/** What PEFT puts before the names of the base model. */
export const peftPrefix = 'base_model.model.';

/** Bound on scale · ‖B‖ · ‖A‖, which bounds the change of a weight; far above any trained adapter. */
const maxChangeNorm = 1e6;

/** One adapted layer as stored. */
interface Site {
  readonly path: string;
  readonly module: TargetModule;
  readonly a: Tensor;
  readonly b: Tensor;
  readonly rank: number;
  readonly scale: number;
}

/**
 * Turns what the files say into one rank and one alpha for the whole adapter. Layers of a smaller rank are
 * filled with zeros and other scales are multiplied into B, which leaves every product B·A·scale the same.
 */
export function resolveAdapter(
  peft: PeftConfig,
  stored: ReadonlyMap<string, Tensor>,
  model: ModelConfig,
): { readonly lora: LoraConfig; readonly weights: LoraWeights } {
  const sites = readSites(peft, stored, model);
  const rank = Math.max(...sites.map((site) => site.rank));
  const [first] = sites;
  const scale = first?.scale ?? 1;
  const modules = targetModules.filter((module) => sites.some((site) => site.module === module));
  const lora: LoraConfig = { rank, alpha: scale * rank, targetModules: modules };
  const weights: LoraWeights = new Map();
  for (const site of sites) {
    weights.set(`${site.path}.lora_A.weight`, padRows(site.a, rank));
    weights.set(`${site.path}.lora_B.weight`, padColumns(site.b, rank, site.scale / scale));
  }
  for (const [name, shape] of loraShapes(model, lora)) {
    if (weights.get(name)?.shape.join() !== shape.join())
      throw refuseAdapter('ADAPTER_BASE_MISMATCH', `"${name}" does not fit the model.`);
  }
  return { lora, weights };
}

function readSites(peft: PeftConfig, stored: ReadonlyMap<string, Tensor>, model: ModelConfig): Site[] {
  const left = new Map(stored);
  const sites: Site[] = [];
  for (const module of targetModules) {
    const layers = Array.from({ length: model.layerCount }, (_, layer) => modulePath(layer, module));
    const present = layers.filter((path) => left.has(`${peftPrefix}${path}.lora_A.weight`));
    const wanted = peft.modules ? peft.modules.has(module) : present.length > 0;
    if (!wanted) continue;
    for (const path of layers) sites.push(takeSite(peft, left, { path, module, model }));
  }
  const [extra] = left.keys();
  if (extra !== undefined) throw refuseExtra(extra);
  if (sites.length === 0) throw refuseAdapter('ADAPTER_CONFIG_INVALID', 'The adapter changes no layer.');
  return sites;
}

function refuseExtra(name: string): DomainError {
  const shown = `The tensor "${name.slice(0, 200)}"`;
  // PEFT saves embeddings beside the adapter when words were added.
  if (/(^|\.)(embed_tokens|lm_head)\./.test(name)) {
    const message = `${shown} is part of a vocabulary of its own; only adapters of the base model's words are served.`;
    return refuseAdapter('ADAPTER_VOCABULARY_UNSUPPORTED', message);
  }
  return refuseAdapter('ADAPTER_TENSOR_UNKNOWN', `${shown} does not belong to this adapter and model.`);
}

function takeSite(
  peft: PeftConfig,
  left: Map<string, Tensor>,
  place: { readonly path: string; readonly module: TargetModule; readonly model: ModelConfig },
): Site {
  const { path, module, model } = place;
  const rank = matchPattern(peft.rankPattern, path) ?? peft.rank;
  const alpha = matchPattern(peft.alphaPattern, path) ?? peft.alpha;
  const [outputs, inputs] = moduleShape(model, module);
  const take = (part: 'lora_A' | 'lora_B', shape: readonly number[]): Tensor => {
    const name = `${peftPrefix}${path}.${part}.weight`;
    const tensor = left.get(name);
    if (tensor?.shape.join() !== shape.join()) {
      const actual = tensor ? `[${tensor.shape.join(', ')}]` : 'missing';
      throw refuseAdapter(
        'ADAPTER_BASE_MISMATCH',
        `"${name}" must be [${shape.join(', ')}] for this base model, but is ${actual}.`,
      );
    }
    left.delete(name);
    return tensor;
  };
  const scale = alpha / (peft.rankStabilised ? Math.sqrt(rank) : rank);
  const site = {
    path,
    module,
    a: take('lora_A', [rank, inputs]),
    b: take('lora_B', [outputs, rank]),
    rank,
    scale,
  };
  const change = scale * norm(site.a) * norm(site.b);
  if (!Number.isFinite(change) || change > maxChangeNorm) {
    throw refuseAdapter('ADAPTER_VALUES_INVALID', `The values of ${path} are not finite or too large.`);
  }
  return site;
}

/** In four sums, none of which has to wait for the one before. */
function norm({ data }: Tensor): number {
  const whole = data.length - (data.length % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let at = 0; at < whole; at += 4) {
    a += (data[at] as number) ** 2;
    b += (data[at + 1] as number) ** 2;
    c += (data[at + 2] as number) ** 2;
    d += (data[at + 3] as number) ** 2;
  }
  for (let at = whole; at < data.length; at += 1) a += (data[at] as number) ** 2;
  return Math.sqrt(a + b + c + d);
}

/** [rank, in] with zero rows below. */
function padRows({ shape, data }: Tensor, rank: number): Tensor {
  if (shape[0] === rank) return { shape, data };
  const padded = new Float32Array((data.length / (shape[0] ?? 1)) * rank);
  padded.set(data);
  return { shape: [rank, shape[1] ?? 0], data: padded };
}

/** [out, rank] with zero columns to the right, multiplied by a factor. */
function padColumns({ shape, data }: Tensor, rank: number, factor: number): Tensor {
  const [outputs = 0, columns = 0] = shape;
  if (columns === rank && factor === 1) return { shape, data };
  const padded = new Float32Array(outputs * rank);
  for (let row = 0; row < outputs; row++) {
    for (let column = 0; column < columns; column++) {
      padded[row * rank + column] = (data[row * columns + column] ?? 0) * factor;
    }
  }
  return { shape: [outputs, rank], data: padded };
}
