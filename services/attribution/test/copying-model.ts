import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTinyModel } from '@openledger/testing/tiny-model';
import {
  chatContextPrompt,
  completionExample,
  initialLora,
  type LoadedModel,
  type LoraWeights,
  loadModelFolder,
  type Random,
  Scorer,
  seededRandom,
  shuffledBatches,
  Trainer,
  targetModules,
} from '@openledger/transformer';

const WORDS = ['tide', 'wind', 'moon', 'bell', 'boat', 'rope', 'sail', 'mast', 'gull', 'fog'];
const CHUNKS_MAX = 8;
export const LENGTH_MAX = 320;

/** A question whose answer, a number, stands in one of its chunks. */
export interface Lookup {
  readonly texts: readonly string[];
  /** The chunk that has the answer. */
  readonly source: number;
  readonly answer: string;
}

export function lookup(random: Random, chunks: number): Lookup {
  const pick = (count: number) => Math.floor(random() * count);
  const word = () => WORDS[pick(WORDS.length)] ?? '';
  const source = pick(chunks);
  const answer = String(pick(10)).repeat(2);
  const texts = Array.from(
    { length: chunks },
    (_, i) => `${word()} ${i === source ? answer : word().slice(0, 2)}`,
  );
  return { texts, source, answer };
}

/** A tiny model that has learnt to answer with the number that stands in its context; its adapter adds nothing. */
export class CopyingModel {
  private constructor(
    readonly base: LoadedModel,
    readonly adapter: LoraWeights,
    readonly scorer: Scorer,
  ) {}

  static async train(steps: number): Promise<CopyingModel> {
    const folder = await mkdtemp(join(tmpdir(), 'copying-'));
    await writeTinyModel(folder);
    const base = await loadModelFolder(folder);
    await rm(folder, { recursive: true });
    const trainer = await Trainer.forAll(base.config, { seed: 3, maxLength: LENGTH_MAX, threads: 1 });
    const random = seededRandom(5);
    const examples = Array.from({ length: 600 }, () => {
      const asked = lookup(random, 1 + Math.floor(random() * CHUNKS_MAX));
      const { promptTokens, completionTokens } = tokensOf(base, asked);
      return completionExample([...promptTokens, ...completionTokens], promptTokens.length);
    });
    await trainer.train({
      batches: shuffledBatches(examples, 8, 1),
      schedule: { learningRate: 0.01, steps, warmupSteps: 20, finalShare: 0.1 },
    });
    const lora = { rank: 2, alpha: 2, targetModules };
    const options = { maxLength: LENGTH_MAX, threads: 1, lora };
    const scorer = await Scorer.open(base.config, trainer.tensors, options);
    const adapter = initialLora(base.config, lora, 1);
    await trainer.release();
    return new CopyingModel(base, adapter, scorer);
  }

  /** As the gateway would have served it. */
  answered(asked: Lookup, recordIds: readonly string[] = []) {
    return { requestId: `request for ${asked.texts.join()}`, ...tokensOf(this.base, asked, recordIds) };
  }

  release(): Promise<void> {
    return this.scorer.release();
  }
}

function tokensOf(base: LoadedModel, { texts, answer }: Lookup, recordIds: readonly string[] = []) {
  const { tokens, ranges } = chatContextPrompt(base, [{ role: 'user', content: 'n?' }], texts);
  const said = base.tokenizer.encode(answer, { addSpecialTokens: false });
  return {
    promptTokens: tokens,
    completionTokens: [...said, ...base.generation.eosTokenIds.slice(0, 1)],
    context: ranges.map((range, i) => ({ recordId: recordIds[i] ?? '', ...range })),
  };
}
