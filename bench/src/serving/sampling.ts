import {
  Grammars,
  logProbabilities,
  plainSampling,
  type Sampling,
  TokenHistory,
  TokenSampler,
  Vocabulary,
} from '@openledger/inference-worker/sampling';
import { normal, type Random, seededRandom } from '@openledger/transformer';
import { type Bench, quantile } from '../bench.js';

/** Qwen2.5's. */
const VOCABULARY = 151_936;
const EOS = VOCABULARY - 1;
const ROWS = 8;
const ROUNDS = 30;
const SCHEMA_TOKENS = 100;
/** Logits of language models spread about as widely. */
const LOGIT_DEVIATION = 2.5;
const HISTORY_TOKENS = 500;
/** Of the rounds: what else the machine does only ever adds time. */
const QUANTILE = 0.2;

const variants: Readonly<Record<string, Sampling>> = {
  greedy: plainSampling,
  temperature: { ...plainSampling, temperature: 0.7 },
  top_p: { ...plainSampling, temperature: 0.7, topP: 0.9 },
  top_k: { ...plainSampling, temperature: 0.7, topK: 20, topP: 0.8 },
  min_p: { ...plainSampling, temperature: 1, minP: 0.05 },
  penalties: { ...plainSampling, repetitionPenalty: 1.1, frequencyPenalty: 0.5, presencePenalty: 0.2 },
};

const schema = JSON.stringify({
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 200 },
    age: { type: 'integer', minimum: 0, maximum: 150 },
    tags: { type: 'array', items: { type: 'string' }, maxItems: 5 },
    score: { type: 'number' },
  },
  required: ['name', 'age', 'tags'],
});

/** Bytes, words, punctuation, indents and other scripts, in about the shares of a real vocabulary. */
function syntheticTokens(random: Random): readonly (Uint8Array | undefined)[] {
  const pick = (characters: string) => characters[Math.floor(random() * characters.length)] ?? '';
  const repeat = (count: number, one: () => string) => Array.from({ length: count }, one).join('');
  const word = () => repeat(2 + Math.floor(9 * random()), () => pick('etaoinshrdlcumwfgypbvkjxqz'));
  const marks = () => repeat(1 + Math.floor(4 * random()), () => pick('{}[]":,.;()<>=\\/-_+*!?\'# \n'));
  const han = () => String.fromCodePoint(0x4e00 + Math.floor(8_000 * random()));
  const kinds: readonly (readonly [number, () => string])[] = [
    [0.45, () => ` ${word()}`],
    [0.65, word],
    [0.7, () => marks() + word()],
    [0.75, marks],
    [0.76, () => ' '.repeat(1 + Math.floor(100 * random()))],
    [1, () => repeat(1 + Math.floor(3 * random()), han)],
  ];
  const texts = Array.from({ length: VOCABULARY - 257 }, () => {
    const share = random();
    return kinds.find(([until]) => share < until)?.[1]() ?? word();
  });
  const bytes = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
  return [...bytes, ...texts.map((text) => Buffer.from(text)), undefined];
}

/** Times by variant, in µs a row and token. */
class Times {
  private readonly byName = new Map<string, number[]>();

  measure<T>(name: string, count: number, work: () => T): T {
    const begun = performance.now();
    const result = work();
    const time = (1_000 * (performance.now() - begun)) / count;
    this.byName.set(name, [...(this.byName.get(name) ?? []), time]);
    return result;
  }

  of(name: string, share = QUANTILE): number {
    return quantile(this.byName.get(name) ?? [], share);
  }

  get names(): readonly string[] {
    return [...this.byName.keys()];
  }
}

/** One answer to the schema, token by token: the mask, the choice and the step. */
function answer(
  grammars: Grammars,
  sampler: TokenSampler,
  rows: readonly Float32Array[],
  times: Times,
): number {
  const cursor = grammars.begin(schema);
  const history = new TokenHistory([]);
  const random = seededRandom(times.names.length);
  for (let count = 0; count < SCHEMA_TOKENS; count += 1) {
    if (cursor.ended) return count;
    const mask = times.measure('schema_mask', 1, () => cursor.mask);
    const logits = rows[count % rows.length] ?? new Float32Array(VOCABULARY);
    const sampling = { ...plainSampling, temperature: 1 };
    const token = times.measure('schema_choice', 1, () =>
      sampler.choose(logits, { sampling, history, mask, random }),
    );
    if (token === EOS) return count;
    times.measure('schema_step', 1, () => cursor.accept(token));
  }
  return SCHEMA_TOKENS;
}

/** What the choice of a token costs over a real vocabulary, by what is asked of it. */
export const servingSampling: Bench = {
  name: 'serving.sampling',
  summary: 'time to choose a token over 151,936: greedy, filters, penalties, probabilities, a JSON schema',
  run({ log }) {
    const random = seededRandom(5);
    const rows = Array.from({ length: ROWS }, () =>
      Float32Array.from({ length: VOCABULARY }, () => LOGIT_DEVIATION * normal(random)),
    );
    const tokens = syntheticTokens(random);
    const sampler = new TokenSampler(VOCABULARY);
    const history = new TokenHistory(Array.from({ length: HISTORY_TOKENS }, (_, index) => 7 * index));
    for (let token = 0; token < HISTORY_TOKENS; token += 1) history.add(11 * token);
    const times = new Times();
    const vocabulary = times.measure('vocabulary', 1, () => new Vocabulary(tokens, VOCABULARY));
    const grammars = new Grammars(vocabulary, (token) => tokens[token], new Set([EOS]));
    times.measure('first_answer', 1, () => answer(grammars, sampler, rows, new Times()));
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [name, sampling] of Object.entries(variants)) {
        times.measure(name, ROWS, () => {
          for (const logits of rows) sampler.choose(logits, { sampling, history, mask: undefined, random });
        });
      }
      times.measure('top_20_logprobs', ROWS, () => {
        for (const logits of rows) logProbabilities(logits, 0, 20);
      });
      answer(grammars, sampler, rows, times);
    }
    for (const name of times.names) log(`${name}: ${times.of(name).toFixed(1)} µs`);
    const figures = times.names.map((name) => [`${name}_us`, times.of(name)] as const);
    return Promise.resolve({
      ...Object.fromEntries(figures),
      schema_mask_p99_us: times.of('schema_mask', 0.99),
      top_p_over_greedy: times.of('top_p') / times.of('greedy'),
      vocabulary_tokens: VOCABULARY,
      rows: ROWS,
    });
  },
};
