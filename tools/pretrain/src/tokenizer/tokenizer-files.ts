import type { BytePairs } from './bpe-trainer.js';
import { specialTokens } from './special-tokens.js';

const special = Object.values(specialTokens);

/** Number of ids taken by special tokens, which come first. */
export const specialTokenCount = special.length;

/**
 * Every message on its own role line, closed by an end token; the same form as the chats of the training
 * text. Content is inserted as it is: callers encode it knowing that role marks inside it are role marks.
 */
const chatTemplate = [
  '{{ bos_token }}',
  "{% for message in messages %}{{ '<|' + message['role'] + '|>\\n' + message['content'] | trim + '<|end|>\\n' }}{% endfor %}",
  "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}",
].join('');

/** `tokenizer.json` as the Rust, Python and JavaScript tokenizers of Hugging Face read it. */
export function tokenizerJson({ tokens, merges }: BytePairs): object {
  const vocab = Object.fromEntries([...special, ...tokens].map((token, id) => [token, id]));
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const begin = specialTokens.endOfText;
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel],
    },
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: begin, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [
        { SpecialToken: { id: begin, type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { Sequence: { id: 'B', type_id: 1 } },
      ],
      special_tokens: { [begin]: { id: begin, ids: [0], tokens: [begin] } },
    },
    decoder: { ...byteLevel },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges,
    },
  };
}

export function tokenizerConfig(maxPositions: number): object {
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: specialTokens.endOfText,
    eos_token: specialTokens.end,
    pad_token: specialTokens.pad,
    model_max_length: maxPositions,
    clean_up_tokenization_spaces: false,
    chat_template: chatTemplate,
  };
}

export function generationConfig(): object {
  return {
    bos_token_id: special.indexOf(specialTokens.endOfText),
    eos_token_id: [special.indexOf(specialTokens.end), special.indexOf(specialTokens.endOfText)],
    pad_token_id: special.indexOf(specialTokens.pad),
    do_sample: true,
    temperature: 0.7,
    top_p: 0.9,
  };
}
