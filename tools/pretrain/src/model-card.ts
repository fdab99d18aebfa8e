import type { Plan } from './plan.js';

/** Measured in the run that wrote the card. */
export interface CardFigures {
  readonly parameters: number;
  readonly trainingTokens: number;
  readonly heldOutTokens: number;
  /** Nats per token, of the weights as stored. */
  readonly heldOutLoss: number;
  /** UTF-8 bytes of text per token. */
  readonly bytesPerToken: number;
}

const millions = (count: number): string => `${(count / 1e6).toFixed(1)} million`;

/** The model card, with the figures of the run and no others. */
export function modelCard(plan: Plan, figures: CardFigures): string {
  const { model, schedule, rows, length } = plan;
  const { heldOutLoss, bytesPerToken } = figures;
  const bitsPerByte = heldOutLoss / Math.LN2 / bytesPerToken;
  return `---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
---

# seedling

A small base model, so that the platform runs offline and its tests train something real. It is a plain
Llama architecture in the Hugging Face layout.

| | |
|---|---|
| parameters | ${millions(figures.parameters)} (bfloat16) |
| layers, width, heads / key-value heads | ${model.layerCount}, ${model.hiddenSize}, ${model.headCount} / ${model.kvHeadCount} |
| vocabulary | ${model.vocabSize} byte-level BPE tokens, ${'`<|user|>`, `<|assistant|>`, `<|system|>`, `<|end|>`'} among them |
| context | ${model.maxPositions} positions; trained on windows of ${length} |
| text | ${plan.trainingDocuments} documents, ${millions(figures.trainingTokens)} tokens |
| training | ${schedule.steps} steps of ${rows * length} tokens, AdamW, peak rate ${schedule.learningRate}, ${millions(schedule.steps * rows * length)} tokens seen |
| held-out loss | **${heldOutLoss.toFixed(4)}** nats per token (perplexity ${Math.exp(heldOutLoss).toFixed(2)}, ${bitsPerByte.toFixed(3)} bits per byte) |

## Text
All of it was written for this project: topics of everyday life (cooking, gardening, weather, music, health,
home repair, travel, small business, the harbour, astronomy, farming, animals, sport, school, the city,
sewing, museums, the forest, money, computers), word lists and sentence frames, in \`tools/pretrain/text\`. A
seeded generator composes them into stories, letters, dialogues, essays, instructions, reports, questions
about a text and chats. Documents are numbered and can each be made again from their number, so the rendered
text is not stored.

The held-out loss is measured on ${plan.heldOutDocuments} documents (${figures.heldOutTokens} tokens) of numbers that
training never uses, with the stored bfloat16 weights. They come from the same frames and words, so the
figure says how well the model knows this text, not English at large.

## Reproduce
\`\`\`
npm run pretrain
\`\`\`
shows progress, keeps checkpoints under \`.cache/pretrain\` and goes on from the last one. Text and tokenizer
come out the same on every machine; weights differ in their last digits between processors.

## Limits
It knows a small vocabulary and no facts beyond its topics. It writes plausible sentences, follows the chat
form; it does not look things up in its prompt, does not reason, and its answers are not advice. It is meant as
a base for adapters in demonstrations and tests. For real use name a real checkpoint.

## Licence
Apache-2.0, text and weights.
`;
}
