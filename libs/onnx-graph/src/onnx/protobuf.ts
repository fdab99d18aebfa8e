const encoder = new TextEncoder();

/**
 * Writes the protobuf wire format (https://protobuf.dev/programming-guides/encoding/) as a list of
 * chunks, so that tensors of gigabytes are referred to instead of copied.
 */
export class ProtobufWriter {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** The chunks in order; concatenated they are the message. */
  get chunks(): readonly Uint8Array[] {
    return this.#chunks;
  }

  /** A varint field. Negative numbers take ten bytes, as two's complement of 64 bits. */
  integer(field: number, value: number | bigint): void {
    this.#tag(field, 0);
    this.#varint(BigInt(value));
  }

  float(field: number, value: number): void {
    this.#tag(field, 5);
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    this.#push(bytes);
  }

  text(field: number, value: string): void {
    this.bytes(field, encoder.encode(value));
  }

  bytes(field: number, value: Uint8Array): void {
    this.#tag(field, 2);
    this.#varint(BigInt(value.length));
    this.#push(value);
  }

  message(field: number, message: ProtobufWriter): void {
    this.#tag(field, 2);
    this.#varint(BigInt(message.length));
    for (const chunk of message.chunks) this.#push(chunk);
  }

  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.#length);
    let offset = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    return bytes;
  }

  #tag(field: number, wireType: number): void {
    this.#varint(BigInt(field * 8 + wireType));
  }

  #varint(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    const bytes: number[] = [];
    while (rest >= 128n) {
      bytes.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    bytes.push(Number(rest));
    this.#push(Uint8Array.from(bytes));
  }

  #push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }
}
