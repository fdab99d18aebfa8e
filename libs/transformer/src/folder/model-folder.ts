import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError, type Sha256 } from '@openledger/kernel';
import { weightShapes } from '../graph/parameters.js';
import type { ModelConfig, Tensor, Weights } from '../model.js';
import { openWeights, readWeights, weightFiles } from '../safetensors/sharded.js';
import { ChatTemplate } from '../tokenizer/chat-template.js';
import { TextTokenizer } from '../tokenizer/text-tokenizer.js';
import { parseModelConfig } from './config.js';
import { Fields, unsupported } from './fields.js';

/** Sampling defaults of `generation_config.json`. */
export interface GenerationDefaults {
  readonly eosTokenIds: readonly number[];
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly repetitionPenalty?: number;
}

/** A model without its weights: what turns text into tokens and back, and the model's identity. */
export interface ModelText {
  readonly folder: string;
  readonly config: ModelConfig;
  readonly tokenizer: TextTokenizer;
  /** Absent where the folder has no chat template; such a model only completes text. */
  readonly chatTemplate?: ChatTemplate;
  readonly generation: GenerationDefaults;
  /** SHA-256 over the names and contents of the files that decide answers, weights included. */
  readonly digest: Sha256;
}

/** A model as it lies in a Hugging Face folder. */
export interface LoadedModel extends ModelText {
  readonly weights: Weights;
}

/** A model whose weights are read from its folder as they are needed; close it when they no longer are. */
export interface OpenModel extends LoadedModel {
  close(): void;
}

const maxJsonBytes = 64 * 1_048_576;

/** Loads and checks a model folder; whatever cannot be served exactly is refused with a reason. */
export async function loadModelFolder(folder: string): Promise<LoadedModel> {
  const text = await loadModelText(folder);
  return { ...text, weights: checkWeights(text.config, await readWeights(folder)) };
}

/**
 * Opens and checks a model folder without reading its weights: a graph that stores them in fewer bits
 * then never needs all of them in float32.
 */
export async function openModelFolder(folder: string): Promise<OpenModel> {
  const text = await loadModelText(folder);
  const { weights, close } = await openWeights(folder);
  try {
    return { ...text, weights: checkWeights(text.config, weights), close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Loads a model folder except for its weights, for those who count and frame tokens but compute nothing. */
export async function loadModelText(folder: string): Promise<ModelText> {
  const config = parseModelConfig(await readText(folder, 'config.json'));
  const tokenizerJson = Fields.parse('tokenizer.json', await readText(folder, 'tokenizer.json'));
  const tokenizerConfig = Fields.parse(
    'tokenizer_config.json',
    (await readOptional(folder, 'tokenizer_config.json')) ?? '{}',
  );
  const generation = Fields.parse(
    'generation_config.json',
    (await readOptional(folder, 'generation_config.json')) ?? '{}',
  );
  const chatTemplate = await readChatTemplate(folder, tokenizerConfig);
  return {
    folder,
    config,
    tokenizer: new TextTokenizer(tokenizerJson.all(), tokenizerConfig.all()),
    ...(chatTemplate === undefined ? {} : { chatTemplate }),
    generation: readGeneration(generation, config),
    digest: await modelFolderDigest(folder),
  };
}

/** The identity of a model folder; equal folders have equal digests wherever they lie. */
export async function modelFolderDigest(folder: string): Promise<Sha256> {
  const hash = createHash('sha256');
  const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'];
  for (const name of [...names, 'generation_config.json', ...(await weightFiles(folder))].sort()) {
    const file = createHash('sha256');
    if (!(await exists(join(folder, name)))) continue;
    for await (const chunk of createReadStream(join(folder, name))) file.update(chunk as Uint8Array);
    hash.update(`${name}\n${file.digest('hex')}\n`);
  }
  return hash.digest('hex');
}

/** Exactly the tensors of the architecture, each of its shape; a tied head may be stored twice. */
function checkWeights(config: ModelConfig, weights: Map<string, Tensor>): Weights {
  const expected = weightShapes(config);
  if (config.tieEmbeddings) weights.delete('lm_head.weight');
  for (const name of weights.keys()) if (name.endsWith('.rotary_emb.inv_freq')) weights.delete(name);
  for (const [name, shape] of expected) {
    const found = weights.get(name)?.shape;
    if (found?.join() !== shape.join()) {
      const actual = found === undefined ? 'missing' : `[${found.join(', ')}]`;
      throw unsupported(`The weight "${name}" must be [${shape.join(', ')}], but is ${actual}.`);
    }
  }
  const extra = [...weights.keys()].find((name) => !expected.has(name));
  if (extra !== undefined)
    throw unsupported(`The weight "${extra}" is not part of a ${config.modelType} model.`);
  return weights;
}

function readGeneration(fields: Fields, config: ModelConfig): GenerationDefaults {
  const eos = fields.tokenIds('eos_token_id', config.vocabSize);
  const optional = (name: string, key: string) => (fields.has(name) ? { [key]: fields.positive(name) } : {});
  return {
    eosTokenIds: [...new Set([...config.eosTokenIds, ...eos])],
    ...optional('temperature', 'temperature'),
    ...optional('top_p', 'topP'),
    ...optional('top_k', 'topK'),
    ...optional('repetition_penalty', 'repetitionPenalty'),
  };
}

async function readChatTemplate(folder: string, config: Fields): Promise<ChatTemplate | undefined> {
  const own = await readOptional(folder, 'chat_template.jinja');
  const named = config.raw('chat_template');
  const source = own ?? (Array.isArray(named) ? defaultTemplate(named) : named);
  if (source === undefined) return undefined;
  if (typeof source !== 'string') throw unsupported('tokenizer_config.json: chat_template must be a text.');
  const variables: Record<string, string> = {};
  for (const name of ['bos_token', 'eos_token', 'pad_token', 'unk_token']) {
    const token = config.raw(name);
    if (typeof token === 'string') variables[name] = token;
    else if (token !== undefined) variables[name] = Fields.of(name, token).text('content');
  }
  return new ChatTemplate(source, variables);
}

/** Some tokenizers carry several templates; conversations use the one named "default". */
function defaultTemplate(named: readonly unknown[]): unknown {
  const templates = named.map((entry) => Fields.of('chat_template', entry));
  return templates.find((entry) => entry.text('name') === 'default')?.raw('template');
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function readOptional(folder: string, name: string): Promise<string | undefined> {
  return (await exists(join(folder, name))) ? readText(folder, name) : undefined;
}

async function readText(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  const size = await stat(path).then(
    (found) => found.size,
    (cause: unknown) => {
      throw new DomainError('not-found', 'MODEL_FILE_MISSING', `The model folder ${folder} has no ${name}.`, {
        cause,
      });
    },
  );
  if (size > maxJsonBytes) throw unsupported(`${name} is over the limit of ${maxJsonBytes} bytes.`);
  return readFile(path, 'utf8');
}
