import { type TargetModule, targetModules } from '@openledger/transformer';
import { refuseAdapter } from './adapter.js';

/** Ranks that are accepted; memory of a serving slot grows with the rank. */
export const maxRank = 128;
const maxAlpha = 65_536;
const maxPatterns = 1000;

/** What `adapter_config.json` says, before it is applied to a base model. */
export interface PeftConfig {
  readonly rank: number;
  readonly alpha: number;
  /** Scale by alpha / √rank instead of alpha / rank (Kalajdzievski 2023). */
  readonly rankStabilised: boolean;
  /** Absent where a pattern of Python names the modules: then the tensors alone tell. */
  readonly modules: ReadonlySet<TargetModule> | undefined;
  readonly rankPattern: ReadonlyMap<string, number>;
  readonly alphaPattern: ReadonlyMap<string, number>;
  readonly baseModel: string;
}

/** Options that change what an adapter computes and that the graphs do not have. */
const refused = [
  'use_dora',
  'modules_to_save',
  'lora_bias',
  'fan_in_fan_out',
  'layers_to_transform',
  'layer_replication',
  'trainable_token_indices',
  'target_parameters',
  'exclude_modules',
  'use_qalora',
  'use_bdlora',
  'alora_invocation_tokens',
  'arrow_config',
  'megatron_config',
] as const;

/**
 * Starts from the base's own singular vectors or errors, and changes the base weights beside the adapter
 * (PiSSA, OLoRA, CorDA, LoftQ, LoRA-GA): over the unchanged base, such an adapter answers wrongly. PEFT
 * converts them to plain LoRA when saved with `path_initial_model_for_weight_conversion`.
 */
const changesBase = /^(pissa|olora|corda|loftq|lora_ga)/;

type Values = Readonly<Record<string, unknown>>;

const unsupported = (message: string) => refuseAdapter('ADAPTER_OPTION_UNSUPPORTED', message);

/** Reads `adapter_config.json`; an option that would be ignored in silence is refused by name. */
export function parsePeftConfig(text: string): PeftConfig {
  const values = parseObject(text);
  if (values.peft_type !== 'LORA')
    throw refuseAdapter('ADAPTER_OPTION_UNSUPPORTED', 'Only LoRA adapters are supported (peft_type "LORA").');
  for (const option of refused) {
    const value = values[option] ?? false;
    if (value !== false && !(Array.isArray(value) && value.length === 0)) {
      throw unsupported(`${option} is not supported; train the adapter without it.`);
    }
  }
  if ((values.bias ?? 'none') !== 'none')
    throw unsupported('Trained biases are not supported; use bias "none".');
  const task = values.task_type ?? 'CAUSAL_LM';
  if (task !== 'CAUSAL_LM')
    throw unsupported(`Adapters for ${JSON.stringify(task)} are not supported, only CAUSAL_LM.`);
  const initial = values.init_lora_weights;
  if (typeof initial === 'string' && changesBase.test(initial.toLowerCase())) {
    throw unsupported(
      `init_lora_weights "${initial.slice(0, 50)}" changes the base model; save the adapter converted to plain LoRA.`,
    );
  }
  const base = values.base_model_name_or_path;
  return {
    rank: readRank('r', values.r),
    alpha: readAlpha('lora_alpha', values.lora_alpha),
    rankStabilised: values.use_rslora === true,
    modules: readModules(values.target_modules),
    rankPattern: readPatterns(values, 'rank_pattern', readRank),
    alphaPattern: readPatterns(values, 'alpha_pattern', readAlpha),
    baseModel: typeof base === 'string' ? base.slice(0, 500) : '',
  };
}

/** The entry of a pattern that applies to a module: its name is the key or ends with ".key". */
export function matchPattern(patterns: ReadonlyMap<string, number>, name: string): number | undefined {
  for (const [key, value] of patterns) if (name === key || name.endsWith(`.${key}`)) return value;
  return undefined;
}

function parseObject(text: string): Values {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw refuseAdapter('ADAPTER_CONFIG_INVALID', 'adapter_config.json is not JSON.', cause);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw refuseAdapter('ADAPTER_CONFIG_INVALID', 'adapter_config.json is not a JSON object.');
  }
  return { ...parsed };
}

function readRank(name: string, value: unknown): number {
  if (!Number.isSafeInteger(value) || Number(value) < 1 || Number(value) > maxRank) {
    throw refuseAdapter('ADAPTER_RANK_UNSUPPORTED', `${name} must be a whole number from 1 to ${maxRank}.`);
  }
  return Number(value);
}

function readAlpha(name: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0 || value > maxAlpha) {
    throw refuseAdapter('ADAPTER_CONFIG_INVALID', `${name} must be a number above 0, at most ${maxAlpha}.`);
  }
  return value;
}

/** Names such as "q_proj" or "self_attn.q_proj", the word "all-linear", or a Python pattern. */
function readModules(value: unknown): ReadonlySet<TargetModule> | undefined {
  if (value === 'all-linear') return new Set(targetModules);
  if (typeof value === 'string') return undefined;
  if (!Array.isArray(value) || value.length === 0)
    throw refuseAdapter('ADAPTER_CONFIG_INVALID', 'target_modules must name at least one module.');
  const found = new Set<TargetModule>();
  for (const entry of value) {
    const name = String(entry);
    const last = name.split('.').pop();
    const module = targetModules.find((candidate) => candidate === last);
    if (!module) {
      const isVocabulary = last === 'embed_tokens' || last === 'lm_head';
      throw refuseAdapter(
        isVocabulary ? 'ADAPTER_VOCABULARY_UNSUPPORTED' : 'ADAPTER_MODULE_UNSUPPORTED',
        `The module "${name.slice(0, 100)}" cannot carry an adapter here.`,
      );
    }
    found.add(module);
  }
  return found;
}

/** PEFT reads keys as regular expressions; only plain names are, so that a key cannot stall the reader. */
function readPatterns(
  values: Values,
  option: string,
  read: (name: string, value: unknown) => number,
): ReadonlyMap<string, number> {
  const patterns = values[option] ?? {};
  if (typeof patterns !== 'object' || Array.isArray(patterns)) {
    throw refuseAdapter('ADAPTER_CONFIG_INVALID', `${option} must be an object.`);
  }
  const entries = Object.entries(patterns);
  if (entries.length > maxPatterns)
    throw refuseAdapter('ADAPTER_CONFIG_INVALID', `${option} has more than ${maxPatterns} entries.`);
  return new Map(
    entries.map(([key, value]) => {
      if (!/^[\w.]{1,200}$/.test(key))
        throw unsupported(`${option}: "${key.slice(0, 100)}" is not a plain module name.`);
      return [key, read(`${option}.${key}`, value)];
    }),
  );
}
