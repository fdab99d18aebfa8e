import { Grammars } from '../domain/json-grammar/grammars.js';
import { Vocabulary } from '../domain/json-grammar/vocabulary.js';
import { plainSampling, type Sampling } from '../domain/sampling.js';
import { TokenSampler } from '../domain/token-sampler.js';
import { BatchRow, type RowModel } from './batch-row.js';

const END = 128;
const SIZE = 129;
const ascii = Array.from({ length: SIZE }, (_, token) => (token === END ? undefined : Uint8Array.of(token)));

function model(bytes: readonly (Uint8Array | undefined)[] = ascii): RowModel {
  return {
    decoder: () => ({ push: (token) => (token === END ? '' : String.fromCodePoint(token)), flush: () => '' }),
    eosTokenIds: new Set([END]),
    contextTokens: 20,
    sampler: new TokenSampler(SIZE),
    grammars: new Grammars(new Vocabulary(bytes, SIZE), (token) => bytes[token], new Set([END])),
  };
}

/** Logits that want this token most. */
function wanting(...tokens: readonly number[]): Float32Array {
  const logits = new Float32Array(SIZE);
  for (const [rank, token] of tokens.entries()) logits[token] = 10 - rank;
  return logits;
}

const row = (sampling: Partial<Sampling>, own = model()) =>
  new BatchRow({ promptTokens: [1, 2], sampling: { ...plainSampling, ...sampling } }, own, () => 0.5);
const spell = (answer: BatchRow, text: string) =>
  [...text].map((character) => answer.next(wanting(character.codePointAt(0) ?? 0)));

describe('BatchRow', () => {
  it('ends at the end of the sequence, or goes on after it', () => {
    expect(row({}).next(wanting(END))).toMatchObject({ tokens: [END], text: '', finishReason: 'stop' });
    const on = row({ ignoreEos: true, maxTokens: 2 });
    expect(on.next(wanting(END))).toMatchObject({ tokens: [END], text: '', finishReason: '' });
    expect(on.next(wanting(65))).toMatchObject({ tokens: [65], text: 'A', finishReason: 'length' });
  });

  it('ends a JSON value with its last token, without another that says so', () => {
    const answer = row({ jsonSchema: '{"const":[1]}' });
    expect(spell(answer, '[1]')).toMatchObject([
      { text: '[', finishReason: '' },
      { text: '1', finishReason: '' },
      { text: ']', finishReason: 'stop' },
    ]);
  });

  it('leaves it to the model where a number may be whole or go on', () => {
    const answer = row({ jsonSchema: '{"type":"integer"}' });
    expect(answer.next(wanting(END, 0x34))).toMatchObject({ text: '4', finishReason: '' });
    expect(answer.next(wanting(0x41, END))).toMatchObject({ tokens: [END], finishReason: 'stop' });
  });

  it('tells what is cut off as cut off', () => {
    const answer = row({ jsonSchema: '{"type":"string"}', maxTokens: 3 });
    expect(spell(answer, '"ab').at(-1)).toMatchObject({ text: 'b', finishReason: 'length' });
  });

  it('tells the probability of the chosen token, not of the masked distribution', () => {
    const answer = row({ jsonSchema: '{"const":1}', topLogprobs: 2 });
    const { tokens, logprobs } = answer.next(wanting(65, 66));
    expect(tokens).toEqual([0x31]);
    expect(logprobs).toMatchObject([{ token: 0x31, top: [{ token: 65 }, { token: 66 }] }]);
    expect(logprobs[0]?.logprob).toBeLessThan(-9);
  });

  it('fails where the vocabulary has no way on', () => {
    const without = ascii.map((bytes) => (bytes?.[0] === 0x31 ? undefined : bytes));
    const answer = row({ jsonSchema: '{"const":1}' }, model(without));
    expect(() => answer.next(wanting(65))).toThrow(expect.objectContaining({ code: 'JSON_SCHEMA_STUCK' }));
  });

  it('counts tokens for penalties from the first on', () => {
    const answer = row({ frequencyPenalty: 2 });
    const tokens = Array.from({ length: 4 }, () => answer.next(wanting(65, 66)).tokens[0]);
    expect(tokens).toEqual([65, 66, 65, 66]);
  });
});
