import { encodeEach } from './encode-each.js';
import type { BaseModel, EncodedPrompt, Prompt } from './ports.js';

/** One token a character. */
class Characters implements BaseModel {
  readonly name = 'characters';
  readonly digest = '';
  readonly contextTokens = 8;
  readonly dimensions = 1;
  readonly encoded: string[] = [];

  encode(prompt: Prompt): EncodedPrompt {
    const text = prompt.kind === 'text' ? prompt.text : '';
    this.encoded.push(text);
    return { tokens: Array.from(text, (character) => character.charCodeAt(0)), context: [] };
  }

  tokenBytes(): Uint8Array {
    return new Uint8Array();
  }
}

const texts = (...all: string[]): Prompt[] => all.map((text) => ({ kind: 'text', text }));

describe('encodeEach', () => {
  it('keeps the order and lets others work between two prompts', async () => {
    const base = new Characters();
    let turns = 0;
    const other = setInterval(() => {
      turns += 1;
    }, 0);
    const encoded = await encodeEach(base, texts(...Array.from({ length: 5_000 }, (_, i) => String(i))));
    clearInterval(other);
    expect(encoded[4_321]?.tokens).toEqual([...'4321'].map((digit) => digit.charCodeAt(0)));
    expect(turns).toBeGreaterThan(0);
  });

  it('looks at nothing behind a prompt that is refused', async () => {
    const base = new Characters();
    await expect(encodeEach(base, texts('fits', 'is too long', 'unseen'))).rejects.toThrow(
      expect.objectContaining({ code: 'CONTEXT_LENGTH_EXCEEDED' }),
    );
    let room = 5;
    const check = (tokens: readonly number[]) => {
      room -= tokens.length;
      if (room < 0) throw new Error('enough');
    };
    await expect(encodeEach(base, texts('abc', 'def', 'unseen'), check)).rejects.toThrow('enough');
    expect(base.encoded).toEqual(['fits', 'is too long', 'abc', 'def']);
  });
});
