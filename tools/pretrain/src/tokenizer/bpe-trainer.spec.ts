import { Tokenizer } from '@huggingface/tokenizers';
import { splitPieces, trainBytePairs } from './bpe-trainer.js';
import { specialTokenCount, tokenizerConfig, tokenizerJson } from './tokenizer-files.js';

describe('byte pair training', () => {
  it('merges the most frequent pair first', () => {
    // Sennrich et al. 2016, figure 1: low ×5, lower ×2, newest ×6, widest ×3 (without the end-of-word mark).
    const words = ['low', 'low', 'low', 'low', 'low', 'lower', 'lower', 'widest', 'widest', 'widest'];
    const text = [...words, ...Array.from({ length: 6 }, () => 'newest')];
    const { merges } = trainBytePairs(text, 256 + 4);
    expect(merges.map((pair) => pair.join('+'))).toEqual(['e+s', 'es+t', 'l+o', 'lo+w']);
  });

  it('stops when nothing repeats', () => {
    expect(trainBytePairs(['abc'], 1000).tokens).toHaveLength(256);
  });

  it('cuts text where the tokenizer file says, and covers it all', () => {
    const text = " It's 2024,  naïve 世界\n\n\tdon't – “go”🎉 a1b2";
    expect(splitPieces(text).join('')).toBe(text);
    expect(splitPieces("It's 42!")).toEqual(['It', "'s", ' ', '4', '2', '!']);
  });

  it('makes a file that encodes as the trainer merged', () => {
    const pairs = trainBytePairs(['the cat and the dog and the cat'], 270);
    const tokenizer = new Tokenizer(tokenizerJson(pairs), tokenizerConfig(512));
    const { tokens, ids } = tokenizer.encode('the cat', { add_special_tokens: false });
    expect(tokens).toEqual(['the', 'Ġcat']);
    expect(ids.map((id: number) => pairs.tokens[id - specialTokenCount])).toEqual(tokens);
  });
});
