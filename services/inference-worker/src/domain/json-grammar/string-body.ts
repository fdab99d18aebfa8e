/** Where in a JSON string a byte is read. */
export enum Within {
  /** Before a character or the closing quote. */
  Ready,
  Escape,
  Hex1,
  Hex2,
  /** After `\ud`: anything but a surrogate, which would need its other half. */
  Hex2Low,
  Hex3,
  Hex4,
  /** Continuation bytes still to come. */
  Rest1,
  Rest2,
  Rest3,
  /** After the first bytes whose second byte is restricted (RFC 3629, section 4). */
  AfterE0,
  AfterEd,
  AfterF0,
  AfterF4,
}

/** The byte closes the string. */
export const CLOSED = -1;
/** No string has the byte there. */
export const REFUSED = -2;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SIMPLE_ESCAPES: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'));
const between = (byte: number, low: number, high: number) => byte >= low && byte <= high;

/**
 * One byte of a string after its opening quote (RFC 8259, section 7; well-formed UTF-8): the next place,
 * {@link CLOSED} or {@link REFUSED}.
 */
export function readStringByte(place: Within, byte: number): Within | typeof CLOSED | typeof REFUSED {
  switch (place) {
    case Within.Ready:
      return begin(byte);
    case Within.Escape:
      if (byte === 0x75) return Within.Hex1;
      return SIMPLE_ESCAPES.has(byte) ? Within.Ready : REFUSED;
    case Within.Hex1:
      if (!isHex(byte)) return REFUSED;
      return byte === 0x64 || byte === 0x44 ? Within.Hex2Low : Within.Hex2;
    case Within.Hex2:
      return isHex(byte) ? Within.Hex3 : REFUSED;
    case Within.Hex2Low:
      return between(byte, 0x30, 0x37) ? Within.Hex3 : REFUSED;
    case Within.Hex3:
      return isHex(byte) ? Within.Hex4 : REFUSED;
    case Within.Hex4:
      return isHex(byte) ? Within.Ready : REFUSED;
    default:
      return readContinuation(place, byte);
  }
}

function begin(byte: number): Within | typeof CLOSED | typeof REFUSED {
  if (byte === QUOTE) return CLOSED;
  if (byte === BACKSLASH) return Within.Escape;
  if (byte < 0x20) return REFUSED;
  if (byte < 0x80) return Within.Ready;
  if (between(byte, 0xc2, 0xdf)) return Within.Rest1;
  if (byte === 0xe0) return Within.AfterE0;
  if (byte === 0xed) return Within.AfterEd;
  if (between(byte, 0xe1, 0xef)) return Within.Rest2;
  if (byte === 0xf0) return Within.AfterF0;
  if (between(byte, 0xf1, 0xf3)) return Within.Rest3;
  return byte === 0xf4 ? Within.AfterF4 : REFUSED;
}

function readContinuation(place: Within, byte: number): Within | typeof REFUSED {
  if (!between(byte, 0x80, 0xbf)) return REFUSED;
  switch (place) {
    case Within.Rest1:
      return Within.Ready;
    case Within.Rest2:
      return Within.Rest1;
    case Within.Rest3:
      return Within.Rest2;
    case Within.AfterE0:
      return byte >= 0xa0 ? Within.Rest1 : REFUSED;
    case Within.AfterEd:
      return byte <= 0x9f ? Within.Rest1 : REFUSED;
    case Within.AfterF0:
      return byte >= 0x90 ? Within.Rest2 : REFUSED;
    case Within.AfterF4:
      return byte <= 0x8f ? Within.Rest2 : REFUSED;
    default:
      return REFUSED;
  }
}

const isHex = (byte: number) =>
  between(byte, 0x30, 0x39) || between(byte, 0x41, 0x46) || between(byte, 0x61, 0x66);
