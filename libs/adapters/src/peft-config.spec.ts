import { DomainError } from '@openledger/kernel';
import { matchPattern, parsePeftConfig } from './peft-config.js';

const valid = { peft_type: 'LORA', r: 8, lora_alpha: 16, target_modules: ['q_proj', 'self_attn.v_proj'] };
const parse = (changes: object) => parsePeftConfig(JSON.stringify({ ...valid, ...changes }));

describe('adapter_config.json', () => {
  it('gives rank, alpha and modules, by plain or dotted names', () => {
    expect(parse({})).toMatchObject({ rank: 8, alpha: 16, rankStabilised: false });
    expect(parse({}).modules).toEqual(new Set(['q_proj', 'v_proj']));
  });

  it('resolves all-linear, and leaves Python patterns to the tensors', () => {
    expect(parse({ target_modules: 'all-linear' }).modules?.size).toBe(7);
    expect(parse({ target_modules: '.*_proj' }).modules).toBeUndefined();
  });

  it('matches a pattern by whole name parts only', () => {
    const { rankPattern } = parse({ rank_pattern: { 'layers.1.self_attn.q_proj': 4 } });
    expect(matchPattern(rankPattern, 'model.layers.1.self_attn.q_proj')).toBe(4);
    expect(matchPattern(rankPattern, 'model.layers.11.self_attn.q_proj')).toBeUndefined();
    expect(
      matchPattern(new Map([['1.self_attn.q_proj', 4]]), 'model.layers.11.self_attn.q_proj'),
    ).toBeUndefined();
  });

  it.each<[string, object]>([
    ['use_dora', { use_dora: true }],
    ['modules_to_save', { modules_to_save: ['lm_head'] }],
    ['lora_bias', { lora_bias: true }],
    ['fan_in_fan_out', { fan_in_fan_out: true }],
    ['layers_to_transform', { layers_to_transform: [0] }],
    ['bias', { bias: 'all' }],
    ['SEQ_CLS', { task_type: 'SEQ_CLS' }],
    ['LORA', { peft_type: 'IA3' }],
    ['embed_tokens', { target_modules: ['embed_tokens'] }],
    ['at least one', { target_modules: [] }],
    ['r must', { r: 0 }],
    ['r must', { r: 129 }],
    ['r must', { r: '8' }],
    ['lora_alpha', { lora_alpha: -1 }],
    ['rank_pattern', { rank_pattern: { '(a+)+$': 4 } }],
    ['rank_pattern.q_proj', { rank_pattern: { q_proj: 1e9 } }],
  ])('refuses and names %s', (word, changes) => {
    expect(() => parse(changes)).toThrow(DomainError);
    expect(() => parse(changes)).toThrow(word);
  });

  it('refuses what is not a JSON object', () => {
    for (const text of ['', '[]', 'null', '{']) expect(() => parsePeftConfig(text)).toThrow(DomainError);
  });
});
