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

  it('refuses what is not a JSON object', () => {
    for (const text of ['', '[]', 'null', '{']) expect(() => parsePeftConfig(text)).toThrow(DomainError);
  });
});
