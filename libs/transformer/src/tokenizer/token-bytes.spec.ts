import { tokenBytesOf } from './token-bytes.js';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe('tokenBytesOf', () => {
  it('reads the stand-ins of byte-level tokenizers, also within a sequence of decoders', () => {
    for (const decoder of [{ type: 'ByteLevel' }, { type: 'Sequence', decoders: [{ type: 'ByteLevel' }] }]) {
      const bytesOf = tokenBytesOf({ decoder });
      expect(text(bytesOf('Ġthe'))).toBe(' the');
      expect(text(bytesOf('Ċ'))).toBe('\n');
      // Two of the three bytes of an ellipsis.
      expect([...bytesOf('âĢ')]).toEqual([0xe2, 0x80]);
      expect(text(bytesOf('<｜tool｜>'))).toBe('<｜tool｜>');
    }
  });

  it('reads the pieces of SentencePiece', () => {
    const bytesOf = tokenBytesOf({ decoder: { type: 'Sequence', decoders: [{ type: 'ByteFallback' }] } });
    expect(text(bytesOf('▁the'))).toBe(' the');
    expect([...bytesOf('<0xE2>')]).toEqual([0xe2]);
    expect(text(tokenBytesOf({})('a'))).toBe('a');
  });
});
