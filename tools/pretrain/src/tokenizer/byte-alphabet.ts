/**
 * The printable stand-in of each byte in byte-level BPE (Radford et al. 2019, GPT-2 `bytes_to_unicode`):
 * printable Latin-1 stands for itself, every other byte for a character from U+0100 on.
 */
export function byteAlphabet(): string[] {
  const printable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let shifted = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : shifted++));
}
