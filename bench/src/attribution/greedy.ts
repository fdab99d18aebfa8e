import { instructionTokens, type LoadedModel, type LoraWeights, type Scorer } from '@openledger/transformer';

const ANSWER_TOKENS_MAX = 40;

export interface GivenAnswer {
  readonly promptTokens: number[];
  readonly completionTokens: number[];
}

interface Asked {
  readonly base: LoadedModel;
  readonly scorer: Scorer;
  /** None: the base model alone. */
  readonly tensors?: LoraWeights;
}

/** The likeliest token again and again. */
export async function greedy({ base, scorer, tensors }: Asked, prompt: string): Promise<GivenAnswer> {
  const { tokens, completionStart } = instructionTokens(base, { prompt, completion: '' });
  const promptTokens = Array.from(tokens).slice(0, completionStart);
  const completionTokens: number[] = [];
  const { vocabSize } = base.config;
  while (completionTokens.length < ANSWER_TOKENS_MAX) {
    const all = [...promptTokens, ...completionTokens];
    const { data } = await scorer.logits([all], tensors);
    const row = data.subarray((all.length - 1) * vocabSize, all.length * vocabSize);
    const next = row.indexOf(Math.max(...row));
    if (base.generation.eosTokenIds.includes(next)) break;
    completionTokens.push(next);
  }
  return { promptTokens, completionTokens };
}
