/** The bytes that a stored token stands for, where no other token is beside it. */
export type TokenBytes = (token: string) => Uint8Array;

/** What the two families of tokenizers write for bytes that have no printable character of their own. */
const BYTE_FALLBACK = /^<0x([0-9A-F]{2})>$/;
const SPACE = '▁';

/** @param json the content of `tokenizer.json` */
export function tokenBytesOf(json: object): TokenBytes {
  return usesByteLevel((json as { decoder?: unknown }).decoder) ? byteLevel() : pieces;
}

function usesByteLevel(decoder: unknown): boolean {
  if (typeof decoder !== 'object' || decoder === null) return false;
  const { type, decoders } = decoder as { type?: unknown; decoders?: unknown };
  return type === 'ByteLevel' || (Array.isArray(decoders) && decoders.some(usesByteLevel));
}

/** SentencePiece: `▁` is a space, and `<0x0A>` a byte. */
function pieces(token: string): Uint8Array {
  const [, byte] = BYTE_FALLBACK.exec(token) ?? [];
  return byte ? Uint8Array.of(Number.parseInt(byte, 16)) : Buffer.from(token.replaceAll(SPACE, ' '));
}

/** GPT-2: every byte has a printable stand-in; those that are printable in Latin-1 stand for themselves. */
function byteLevel(): TokenBytes {
  const isPrintable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const ordered = bytes.filter((byte) => !isPrintable(byte));
  const byteOf = new Map<string, number>([
    ...bytes.filter(isPrintable).map((byte) => [String.fromCodePoint(byte), byte] as const),
    ...ordered.map((byte, i) => [String.fromCodePoint(256 + i), byte] as const),
  ]);
  return (token) => {
    const found = [...token].map((character) => byteOf.get(character));
    // A token that was added as it is may hold what no stand-in is.
    return found.includes(undefined) ? Buffer.from(token) : Uint8Array.from(found, (byte) => byte ?? 0);
  };
}
